# syntax=docker/dockerfile:1
# The image holds an installed Carteira and no build tools; it runs as nobody in particular and keeps nothing.

FROM python:3.13-slim-bookworm AS build
RUN pip install --no-cache-dir 'uv>=0.9,<1'
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
RUN uv venv /opt/carteira && uv pip sync --python /opt/carteira --require-hashes requirements.lock
COPY pyproject.toml README.md LICENSE hatch_build.py ./
COPY frontend frontend
COPY supabase supabase
COPY src src
RUN uv pip install --python /opt/carteira --no-deps --build-constraints requirements-build.lock .

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/carteira carteira
COPY --from=build /opt/carteira /opt/carteira
ENV PATH=/opt/carteira/bin:$PATH CARTEIRA_HOME=/var/lib/carteira PYTHONUNBUFFERED=1
USER carteira
WORKDIR /var/lib/carteira
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["carteira"]
CMD ["serve", "--host", "0.0.0.0"]
