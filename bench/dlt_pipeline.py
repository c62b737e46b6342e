"""The same job with dlt: its rest_api source to PostgreSQL, tuned as its pages on performance say.

    .bench-venv/bin/python bench/dlt_pipeline.py PLOOMES_URL DATABASE_URL upsert|replace

Resources are read in parallel and in pages, rows are not unnested, one file a table, loaded as CSV by COPY. `upsert`
is a pipeline that is run again and again: by the cursor that dlt keeps, a run reads what changed; `replace` can only
read all anew. Without a word about Amount dlt takes it for an integer, from the first deal, and puts what has cents
into a column of its own. customer_sales is one statement more.
"""

import os
import sys

os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "NORMALIZE__WORKERS": "1",
    "LOAD__WORKERS": "4",
    "EXTRACT__WORKERS": "4",
    "CREDENTIALS__PASSWORD": "none",
}

import dlt
from dlt.sources.rest_api import rest_api_source

URL, DATABASE, MODE = sys.argv[1:4]
FIELDS = {
    "deals": "Id,ContactId,Amount,StatusId,FinishDate,LastUpdateDate,CreateDate,ContactName,Title,CurrencyId,OwnerId,"
    "PipelineId,StageId,LossReasonId",
    "contacts": "Id,TypeId,Name,LastUpdateDate,CreateDate,LegalName,CNPJ,CPF,Register,CityId,StateId,OwnerId",
}
CUSTOMER_SALES = """
    drop table if exists customer_sales;
    create table customer_sales as
    select c.id as customer_id, c.name as customer_name, c.cnpj as customer_cnpj,
        coalesce(sum(amount) filter (where status_id = 2), 0) as total_revenue,
        count(*) filter (where status_id = 2) as total_deals,
        min(finish_date) filter (where status_id = 2) as first_purchase_date,
        max(finish_date) filter (where status_id = 2) as last_purchase_date
    from contacts c left join deals d on d.contact_id = c.id and coalesce(d.currency_id, 1) = 1
    group by c.id, c.name, c.cnpj
"""


def resource(name: str) -> dict[str, object]:
    disposition = "replace" if MODE == "replace" else {"disposition": "merge", "strategy": "upsert"}
    params = {"$select": FIELDS[name], "$orderby": "Id", "$count": "true"}
    return {
        "name": name,
        "primary_key": "Id",
        "write_disposition": disposition,
        "parallelized": True,
        "max_table_nesting": 0,
        "columns": {"Amount": {"data_type": "decimal"}} if name == "deals" else {},
        "endpoint": {
            "path": name.capitalize(),
            "params": {**params, "$filter": "LastUpdateDate ge {incremental.start_value}"},
            "data_selector": "value",
            "incremental": {"cursor_path": "LastUpdateDate", "initial_value": "1990-01-01T00:00:00-03:00"},
            "paginator": {
                "type": "offset",
                "limit": 300,
                "offset_param": "$skip",
                "limit_param": "$top",
                "total_path": "['@odata.count']",
            },
        },
    }


source = rest_api_source({"client": {"base_url": URL}, "resources": [resource("contacts"), resource("deals")]})
pipeline = dlt.pipeline(
    "bench", destination=dlt.destinations.postgres(DATABASE), dataset_name="dlt", pipelines_dir=os.environ["DLT_FOLDER"]
)
pipeline.run(source, loader_file_format="csv")
with pipeline.sql_client() as client:
    for statement in CUSTOMER_SALES.strip().split(";"):
        client.execute_sql(statement)
