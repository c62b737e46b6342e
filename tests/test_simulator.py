"""The simulator's query options, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import urllib3

from carteira.simulator.answers import Habits
from carteira.simulator.server import Simulator

Ask = Callable[..., Any]
FORBIDDEN = "Your request has been forbidden"


@pytest.fixture(scope="module")
def ploomes() -> Iterator[Simulator]:
    """An account that no test here changes."""
    with Simulator(deals=900, customers=90, now=datetime(2026, 5, 4, 15, tzinfo=UTC)) as simulator:
        for key, title in zip(simulator.data.ids(), ("Porcas & parafusos", "Caixa d'água", "Retentores"), strict=False):
            simulator.data.edit_deal(key, Title=title)
        yield simulator


@pytest.fixture
def ask(ploomes: Simulator) -> Ask:
    return asking(ploomes)


def asking(ploomes: Simulator, key: str | None = None) -> Ask:
    """A function of a path and query options, given without their $, that gives (status, decoded body)."""
    pool = urllib3.PoolManager(headers={"User-Key": key or ploomes.key})

    def ask(path: str, **options: object) -> tuple[int, Any]:
        query = urlencode({f"${name}": value for name, value in options.items()}, quote_via=quote)
        answer = pool.request("GET", f"{ploomes.url}{path}?{query}")
        return answer.status, answer.json()

    return ask


def ids(answer: tuple[int, Any]) -> list[int]:
    assert answer[0] == 200, answer[1]
    return [row["Id"] for row in answer[1]["value"]]


def test_an_envelope_names_another_host_and_has_no_next_link(ask: Ask) -> None:
    """Nobody may take the next address from the context."""
    status, body = ask("/Deals", top=1)

    assert status == 200
    assert list(body) == ["@odata.context", "value"]
    assert body["@odata.context"] == "https://public9-api2.ploomes.com/$metadata#Deals"


def test_the_key_is_needed_whatever_the_case_of_its_header(ploomes: Simulator) -> None:
    get = urllib3.PoolManager().request

    assert get("GET", f"{ploomes.url}/Deals?$top=1").status == 401
    assert get("GET", f"{ploomes.url}/Deals?$top=1", headers={"User-Key": "wrong"}).status == 401
    assert get("GET", f"{ploomes.url}/Deals?$top=1", headers={"user-key": ploomes.key}).status == 200


def test_no_page_holds_more_than_300(ask: Ask) -> None:
    """Asking for more gives 300 without a word."""
    assert len(ids(ask("/Deals", top=1000))) == 300
    assert len(ids(ask("/Deals"))) == 300
    assert len(ids(ask("/Deals", top=7))) == 7


def test_a_count_alone_costs_no_rows(ask: Ask, ploomes: Simulator) -> None:
    body = ask("/Deals", top=0, count="true")[1]

    assert body["@odata.count"] == len(ploomes.data.ids()) == 900
    assert body["value"] == []


def test_skip_beyond_the_end_is_an_empty_page(ask: Ask) -> None:
    assert len(ids(ask("/Deals", skip=890))) == 10
    assert ids(ask("/Deals", skip=900)) == []
    assert ids(ask("/Deals", skip=50_000)) == []


def test_rows_come_by_ascending_id_unless_asked_otherwise(ask: Ask, ploomes: Simulator) -> None:
    truth = ploomes.data.ids()

    assert ids(ask("/Deals")) == truth[:300]
    assert ids(ask("/Deals", orderby="Id desc", top=5, skip=2)) == truth[::-1][2:7]


def test_keyset_pages_give_every_row_once_and_count_what_is_left(ask: Ask, ploomes: Simulator) -> None:
    seen: list[int] = []
    while page := ask("/Deals", filter=f"Id gt {seen[-1] if seen else 0}", orderby="Id", top=128, count="true")[1]:
        assert page["@odata.count"] == 900 - len(seen)
        if not page["value"]:
            break
        seen += [row["Id"] for row in page["value"]]

    assert seen == ploomes.data.ids()


def test_order_by_several_keys(ask: Ask, ploomes: Simulator) -> None:
    expected = sorted(ploomes.data.deals(), key=lambda row: (-row["StatusId"], row["LastUpdateDate"], -row["Id"]))

    got = ids(ask("/Deals", orderby="StatusId desc,LastUpdateDate asc, Id desc", top=300))

    assert got == [row["Id"] for row in expected[:300]]


def test_order_by_a_path_over_a_link(ask: Ask) -> None:
    rows = ask("/Deals", orderby="Contact/Name", select="Id", expand="Contact($select=Name)")[1]["value"]
    names = [row["Contact"]["Name"] for row in rows if row["Contact"]]

    assert names == sorted(names)


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("StatusId eq 2", lambda row: row["StatusId"] == 2),
        ("StatusId ne 2", lambda row: row["StatusId"] != 2),
        ("not (StatusId eq 2)", lambda row: row["StatusId"] != 2),
        ("ContactId eq null", lambda row: row["ContactId"] is None),
        ("ContactId ne null and OwnerId eq null", lambda row: row["ContactId"] is not None and row["OwnerId"] is None),
        ("OwnerId ne 10000002", lambda row: row["OwnerId"] != 10_000_002),
        ("not (OwnerId eq 10000002)", lambda row: row["OwnerId"] != 10_000_002),
        ("Amount gt 5000.5", lambda row: row["Amount"] > 5000.5),
        ("Amount le 100 or Amount ge 100000", lambda row: not 100 < row["Amount"] < 100_000),
        ("Amount eq 0", lambda row: row["Amount"] == 0),
        ("StatusId in (1,3)", lambda row: row["StatusId"] in (1, 3)),
        ("(StatusId eq 1 or StatusId eq 3) and Amount lt 900", lambda r: r["StatusId"] in (1, 3) and r["Amount"] < 900),
        ("contains(Title,'Válvulas')", lambda row: "Válvulas" in row["Title"]),
        ("startswith(Title,'Pedido')", lambda row: row["Title"].startswith("Pedido")),
        ("endswith(Title,'Retentores')", lambda row: row["Title"].endswith("Retentores")),
        ("contains(Title,'d''água')", lambda row: "d'água" in row["Title"]),
        ("contains(Title,' & ')", lambda row: " & " in row["Title"]),
        ("year(CreateDate) eq 2025", lambda row: row["CreateDate"].year == 2025),
        ("Id gt 400870000 and Id le 1200100500", lambda row: 400_870_000 < row["Id"] <= 1_200_100_500),
        ("Id gt 400870000 and StatusId eq 3", lambda row: row["Id"] > 400_870_000 and row["StatusId"] == 3),
    ],
)
def test_filters_agree_with_the_truth(
    ask: Ask, ploomes: Simulator, text: str, test: Callable[[dict[str, Any]], bool]
) -> None:
    """Rows and count are those for which the same question in Python says yes."""
    expected = [row["Id"] for row in ploomes.data.deals() if test(row)]

    body = ask("/Deals", filter=text, count="true", select="Id")[1]

    assert 0 < len(expected) < 900
    assert body["@odata.count"] == len(expected)
    assert [row["Id"] for row in body["value"]] == expected[:300]


def test_a_filter_over_links(ask: Ask, ploomes: Simulator) -> None:
    cities = {row["Id"]: row["Name"] for row in ploomes.data.rows("Cities")}
    names = {row["Id"]: cities.get(row["CityId"]) for row in ploomes.data.contacts()}
    expected = [row["Id"] for row in ploomes.data.deals() if names.get(row["ContactId"]) == "São Paulo"]

    assert ids(ask("/Deals", filter="Contact/City/Name eq 'São Paulo'")) == expected[:300] != []


def test_any_over_tags(ask: Ask, ploomes: Simulator) -> None:
    tagged = {row["ContactId"] for row in ploomes.data.rows("Contacts@Tags") if row["TagId"] == 64_000_001}
    expected = [key for key in ploomes.data.ids("Contacts") if key in tagged]

    assert ids(ask("/Contacts", filter="Tags/any(t: t/TagId eq 64000001)")) == expected != []
    assert ids(ask("/Contacts", filter="Tags/any(t: t/Tag/Name eq 'Cliente')")) == expected
    assert ids(ask("/Deals", filter="OtherProperties/any(o: o/FieldKey eq 'deal_1')")) == []


def test_dates_are_compared_as_moments_with_or_without_an_offset(ask: Ask, ploomes: Simulator) -> None:
    """No offset means Brasília's clock."""
    newest = max(row["LastUpdateDate"] for row in ploomes.data.deals())
    edge = newest.isoformat(timespec="milliseconds")
    expected = [row["Id"] for row in ploomes.data.deals() if row["LastUpdateDate"] == newest]
    utc = (newest - newest.utcoffset()).replace(tzinfo=None).isoformat(timespec="milliseconds")

    assert ids(ask("/Deals", filter=f"LastUpdateDate eq {edge}")) == expected
    for literal in (edge, edge.removesuffix("-03:00"), utc + "Z", utc + "0000Z"):
        assert ids(ask("/Deals", filter=f"LastUpdateDate ge {literal}")) == expected
        assert ids(ask("/Deals", filter=f"LastUpdateDate gt {literal}")) == []


@pytest.mark.parametrize(
    "text",
    [
        "LastUpdateDate ge '2024-01-01T00:00:00-03:00'",
        "LastUpdateDate ge 2024-01-01",
        "Id gt",
        "Id gt 'a'",
        "Id",
        "Title",
        "frobnicate(Title) eq 'a'",
        "contains(Title,5)",
        "Title eq 'unclosed",
        "Tags/Id eq 5",
        "Stage/any(s: s/Id eq 1)",
        "Id eq 99999999999999999999",
    ],
)
def test_a_filter_that_cannot_be_read_is_400(ask: Ask, text: str) -> None:
    status, body = ask("/Deals", filter=text)

    assert status == 400
    assert isinstance(body["value"], str)


def test_a_plus_is_a_blank(ploomes: Simulator) -> None:
    """So an offset of +03:00 must be sent as %2B03:00."""
    get = urllib3.PoolManager(headers={"User-Key": ploomes.key}).request
    base = f"{ploomes.url}/Deals?%24top=1&$filter="

    assert len(get("GET", base + "StatusId+eq+2").json()["value"]) == 1
    assert len(get("GET", base + "LastUpdateDate+ge+2001-01-01T00:00:00%2B03:00").json()["value"]) == 1
    assert get("GET", base + "LastUpdateDate+ge+2001-01-01T00:00:00+03:00").status == 400


@pytest.mark.parametrize("options", [{"top": "many"}, {"top": "-1"}, {"skip": "1.5"}, {"orderby": "Id sideways"}])
def test_a_number_or_an_order_that_cannot_be_read_is_400(ask: Ask, options: dict[str, str]) -> None:
    assert ask("/Deals", **options)[0] == 400


@pytest.mark.parametrize(
    "options",
    [
        {"select": "Id,CloseDate"},
        {"select": "Products"},
        {"filter": "Win eq true"},
        {"filter": "Contact/Document eq 'a'"},
        {"orderby": "CreatedDate"},
        {"expand": "Nothing"},
        {"expand": "Contact($select=Phone)"},
        {"filter": "Nothing/any(n: n/Id eq 1)"},
    ],
)
def test_an_unknown_field_is_forbidden(ask: Ask, options: dict[str, str]) -> None:
    """403 without a hint at which one it is."""
    status, body = ask("/Deals", **options)

    assert (status, body["value"]) == (403, FORBIDDEN)
    assert body["@odata.context"].endswith("#Edm.String")


def test_users_answer_400_for_an_unknown_field(ask: Ask) -> None:
    assert ask("/Users", select="Id,Active")[0] == 400


def test_select_gives_just_these_fields(ask: Ask) -> None:
    _, body = ask("/Deals", select="Title,Id, Amount", top=1)

    assert set(body["value"][0]) == {"Id", "Title", "Amount"}


def test_without_select_every_field_comes_in_the_real_order(ask: Ask) -> None:
    """Nulls are written out."""
    deal, contact = (ask(path, top=1)[1]["value"][0] for path in ("/Deals", "/Contacts"))

    assert list(deal)[:10] == [
        "Id", "Title", "ContactId", "ContactName", "PersonId", "PersonName", "PipelineId", "StageId", "StatusId",
        "FirstTaskId",
    ]  # fmt: skip
    assert list(deal)[-4:] == ["ImportationIdCreate", "ImportationIdUpdate", "PublicFormIdCreate", "PublicFormIdUpdate"]
    assert deal["FirstTaskId"] is None
    assert (deal["HasScheduledTasks"], deal["Read"]) == (False, True)
    assert list(contact)[:9] == [
        "Id", "TypeId", "Name", "LegalName", "Register", "CNPJ", "CPF", "StatusId", "CompanyId",
    ]  # fmt: skip
    assert isinstance(contact["ZipCode"], int | None)


def test_expand_follows_links_with_options_of_their_own(ask: Ask) -> None:
    expand = "Contact($select=Name;$expand=City($select=Name;$expand=State($select=Short))),Stage($select=Name),Owner"
    rows = ask("/Deals", select="Id", expand=expand, filter="ContactId ne null and OwnerId ne null")[1]["value"]
    known = [row for row in rows if row["Contact"] and row["Contact"]["City"]]

    assert set(rows[0]) == {"Id", "Contact", "Stage", "Owner"}
    assert set(known[0]["Contact"]) == {"Name", "City"}
    assert set(known[0]["Contact"]["City"]) == {"Name", "State"}
    assert len(known[0]["Contact"]["City"]["State"]["Short"]) == 2
    assert rows[0]["Owner"]["UserKey"] is None


def test_expand_of_a_collection(ask: Ask) -> None:
    pipelines = ask("/Deals@Pipelines", expand="Stages($select=Name;$orderby=Ordination desc)")[1]["value"]
    tagged = ask("/Contacts", expand="Tags($filter=TagId eq 64000001;$expand=Tag),Phones", select="Id")[1]["value"]

    assert [stage["Name"] for stage in pipelines[1]["Stages"]][::3] == ["Aprovação", "Contato"]
    assert {tag["Tag"]["Name"] for row in tagged for tag in row["Tags"]} == {"Cliente"}
    assert all(len(row["Phones"]) == 1 for row in tagged)


def test_products_of_deals_are_always_empty(ask: Ask) -> None:
    rows = ask("/Deals", expand="Products", top=50)[1]["value"]

    assert all(row["Products"] == [] for row in rows)


def test_expand_goes_three_deep_at_most(ask: Ask) -> None:
    assert ask("/Deals", expand="Contact($expand=City($expand=State))", top=1)[0] == 200
    assert ask("/Deals", expand="Contact($expand=City($expand=State($expand=Country)))", top=1)[0] == 400


def test_dates_have_an_offset_and_up_to_three_digits_of_a_300th(ask: Ask) -> None:
    texts = [row["LastUpdateDate"] for row in ask("/Deals", select="LastUpdateDate")[1]["value"]]
    fractions = [text[19:-6] for text in texts]

    assert all(text.endswith("-03:00") for text in texts)
    assert all(part == "" or (part[0] == "." and len(part) <= 4 and part[-1] != "0") for part in fractions)
    assert {part[3] for part in fractions if len(part) == 4} == {"3", "7"}
    assert {len(part) for part in fractions} >= {3, 4}


def test_whole_amounts_are_integers(ploomes: Simulator) -> None:
    get = urllib3.PoolManager(headers={"User-Key": ploomes.key}).request
    raw = get("GET", f"{ploomes.url}/Deals?$select=Amount").data.decode()
    amounts = [part.split("}")[0] for part in raw.split('"Amount":')[1:]]

    assert len(amounts) == 300
    assert 60 < sum(amount.isdecimal() for amount in amounts) < 240
    assert all(len(amount.partition(".")[2]) <= 2 for amount in amounts)


def test_a_single_row_comes_in_an_envelope(ask: Ask, ploomes: Simulator) -> None:
    key = ploomes.data.ids()[7]

    assert ids(ask(f"/Deals({key})")) == [key]
    assert ask("/Deals(5)")[0] == 404
    assert ask(f"/Deals({key})/Products")[0] == 404


@pytest.mark.parametrize("path", ["/Stages", "/deals", "/Deals@Tags", "/Deals(x)", "/Deals/5", "/favicon.ico"])
def test_an_unknown_path_is_404(ask: Ask, path: str) -> None:
    assert ask(path)[0] == 404


def test_only_reading_is_allowed(ploomes: Simulator) -> None:
    put = urllib3.PoolManager(headers={"User-Key": ploomes.key}).request

    assert put("PUT", f"{ploomes.url}/Deals", json={"Title": "x"}).status == 405
    assert put("GET", f"{ploomes.url}/Deals?$top=0").status == 200


def test_account_and_self(ask: Ask) -> None:
    """Neither gives a key away."""
    assert ask("/Account", select="Id", top=1)[1]["value"] == [{"Id": 9_001}]
    (me,) = ask("/Self")[1]["value"]
    assert (me["Integration"], me["ProfileId"], me["UserKey"]) == (True, 3, None)


def test_look_up_sets(ask: Ask) -> None:
    users = ask("/Users")[1]["value"]
    states = ask("/Cities@Countries@States", select="Id,Name,Short,CountryId")[1]["value"]

    assert [row["Name"] for row in ask("/Deals@Status")[1]["value"]] == ["Em aberto", "Ganha", "Perdida"]
    assert sum(row["Suspended"] for row in users) == 2
    assert sum(row["Integration"] for row in users) == 1
    assert len(ask("/Deals%40Pipelines")[1]["value"]) == 4
    assert {"Id": 126, "Name": "São Paulo", "Short": "SP", "CountryId": 76} in [
        {**row, "Id": 126} for row in states if row["Short"] == "SP"
    ]
    assert {row["Short"] for row in ask("/Currencies")[1]["value"]} == {"BRL", "USD"}
    assert ask("/Orders@Stages", count="true")[1]["@odata.count"] == 0
    assert {"Deals", "Quotes", "Cities@Countries@States"} < {row["name"] for row in ask("/")[1]["value"]}


def test_ties_can_be_shuffled(ask: Ask) -> None:
    """Whoever orders by a date alone is shown his bug; who adds the Id is not."""
    with Simulator(deals=400, customers=40, habits=Habits(shuffle_ties=True)) as ploomes:
        shuffled = asking(ploomes)
        several = [ids(shuffled("/Deals", orderby="StatusId", top=50)) for _ in range(3)]
        stable = [ids(shuffled("/Deals", orderby="StatusId,Id", top=50)) for _ in range(3)]

    assert len(set(map(tuple, several))) > 1
    assert len(set(map(tuple, stable))) == 1


def test_habits_that_nobody_knows_can_be_chosen() -> None:
    habits = Habits(default_page=25, next_link=True, unknown_id_status=200, bad_key_status=403)
    with Simulator(deals=60, customers=10, habits=habits) as ploomes:
        body = asking(ploomes)("/Deals")[1]
        assert len(body["value"]) == 25
        assert body["@odata.nextLink"].endswith("/Deals?$skip=25")
        assert asking(ploomes)("/Deals(5)") == (200, {"@odata.context": body["@odata.context"], "value": []})
        assert asking(ploomes, key="wrong")("/Deals")[0] == 403
