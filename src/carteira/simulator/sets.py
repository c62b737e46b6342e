"""The entity sets of the account, as its service document would list them."""

from __future__ import annotations

from carteira.simulator.entities import EntitySet, described

_DEALS = described(
    "Deals",
    """
    Id int
    Title text
    ContactId int
    ContactName text
    PersonId int
    PersonName text = (select p.Name from contacts p where p.Id = {t}.PersonId)
    PipelineId int
    StageId int
    StatusId int
    FirstTaskId int = null
    FirstTaskDate date = null
    FirstTaskNoTime bool = null
    HasScheduledTasks bool = 0
    TasksOrdination int = 0
    ContactProductId int = null
    LastQuoteId int = null
    IsLastQuoteApproved bool = null
    WonQuoteId int = null
    LastStageId int = {t}.StageId
    LossReasonId int
    OriginId int
    OwnerId int
    StartDate date = {t}.CreateDate
    FinishDate date
    CurrencyId int
    Amount money
    StartCurrencyId int = {t}.CurrencyId
    StartAmount money = {t}.Amount
    Read bool = 1
    LastInteractionRecordId int = null
    LastOrderId int = null
    DaysInStage int = cast(julianday(account_now()) - julianday({t}.LastUpdateDate) as integer)
    HoursInStage int = cast((julianday(account_now()) - julianday({t}.LastUpdateDate)) * 24 as integer)
    Length int = cast(julianday(coalesce({t}.FinishDate, account_now())) - julianday({t}.CreateDate) as integer)
    CreateImportId int = null
    UpdateImportId int = null
    LeadId int = null
    OriginDealId int = null
    ReevId text = null
    Editable bool = 1
    Deletable bool = 1
    CreatorId int
    UpdaterId int
    CreateDate date
    LastUpdateDate date
    LastDocumentId int = null
    DealNumber text = null
    ImportationIdCreate text = null
    ImportationIdUpdate text = null
    PublicFormIdCreate text = null
    PublicFormIdUpdate text = null
    """,
    """
    Contact -> Contacts by ContactId
    Person -> Contacts by PersonId
    Pipeline -> Deals@Pipelines by PipelineId
    Stage -> Deals@Stages by StageId
    Status -> Deals@Status by StatusId
    LossReason -> Deals@LossReasons by LossReasonId
    Origin -> Contacts@Origins by OriginId
    Owner -> Users by OwnerId
    Creator -> Users by CreatorId
    Updater -> Users by UpdaterId
    Currency -> Currencies by CurrencyId
    StartCurrency -> Currencies by CurrencyId
    Products ->> Products by DealId
    Tags ->> Deals@Tags by DealId
    OtherProperties ->> Deals@OtherProperties by DealId
    """,
)

_CONTACTS = described(
    "Contacts",
    """
    Id int
    TypeId int
    Name text
    LegalName text
    Register text
    CNPJ text
    CPF text
    StatusId int
    CompanyId int
    RelationshipId int = null
    LineOfBusinessId int = null
    OriginId int
    NumberOfEmployeesId int = null
    ClassId int = 0
    OwnerId int
    Birthday date = null
    NextAnniversary date = null
    PreviousAnniversary date = null
    Note text = null
    Email text
    Website text = null
    RoleId int = null
    DepartmentId int = null
    Skype text = null
    Facebook text = null
    StreetAddress text = null
    StreetAddressNumber text = null
    StreetAddressLine2 text = null
    Neighborhood text = null
    ZipCode int
    ForeignZipCode text = null
    CityId int
    StateId int
    CountryId int
    CurrencyId int = null
    EmailMarketing bool = 1
    CNAECode text = null
    CNAEName text = null
    CNAESecondary text = null
    Latitude number = null
    Longitude number = null
    ImportId int = null
    CreateImportationId int = null
    UpdateImportationId int = null
    FirstTaskId int = null
    FirstTaskDate date = null
    LastInteractionRecordId int = null
    LastDealId int = (select max(d.Id) from deals d where d.ContactId = {t}.Id)
    LastOrderId int = null
    TasksOrdination int = 0
    LeadId int = null
    Editable bool = 1
    Deletable bool = 1
    CreatorId int
    UpdaterId int
    CreateDate date
    LastUpdateDate date
    Key text = null
    LastDocumentId int = null
    AvatarUrl text = null
    HasConsent bool = null
    LastCompanyId int = null
    IdentityDocument text = null
    HasScheduledTasks bool = 0
    ImportationIdCreate text = null
    ImportationIdUpdate text = null
    PublicFormIdCreate text = null
    PublicFormIdUpdate text = null
    """,
    """
    Type -> Contacts@Types by TypeId
    Status -> Contacts@Status by StatusId
    City -> Cities by CityId
    State -> Cities@Countries@States by StateId
    Country -> Cities@Countries by CountryId
    Company -> Contacts by CompanyId
    Origin -> Contacts@Origins by OriginId
    Owner -> Users by OwnerId
    Creator -> Users by CreatorId
    Updater -> Users by UpdaterId
    Contacts ->> Contacts by CompanyId
    Deals ->> Deals by ContactId
    Tags ->> Contacts@Tags by ContactId
    Phones ->> Contacts@Phones by ContactId
    OtherProperties ->> Contacts@OtherProperties by ContactId
    """,
)

_USERS = described(
    "Users",
    """
    Id int
    Name text
    Email text
    Phone text = null
    AvatarUrl text = null
    RoleId int = null
    ProfileId int
    Facebook text = null
    LinkedIn text = null
    Birthday date = null
    Integration bool
    NativeIntegration bool = 0
    UserKey text = null
    LastLogin date = null
    AccountOwner bool
    ActiveSmtp bool = 0
    LastSeen date = null
    Editable bool = 1
    Suspended bool
    CreatorId int = null
    UpdaterId int = null
    CreateDate date
    UpdateDate date = {t}.LastUpdateDate
    LastUpdateDate date
    Language text = 'pt-BR'
    LanguageId int = 1
    NoLogin bool = null
    """,
    "Profile -> Users@Profiles by ProfileId",
    unknown_field_status=400,
)

_PROPERTY = """
    Id int
    FieldId int
    FieldKey text
    {owner} int
    StringValue text
    BigStringValue text = null
    IntegerValue int
    DecimalValue number = null
    DateTimeValue date = null
    BoolValue bool
    ObjectValueId int = null
    ObjectValueName text = null
    UserValueId int = null
"""
_NAMED = "Id int\nName text"

_SETS = [
    _DEALS,
    _CONTACTS,
    _USERS,
    described("Users@Profiles", _NAMED),
    described("Account", _NAMED + "\nLogoUrl text = null"),
    described(
        "Deals@Pipelines",
        _NAMED
        + """
        Archived bool
        Ordination int
        WinDealOnLastStage bool = 0
        SingularUnitName text = 'Negócio'
        PluralUnitName text = 'Negócios'
        Color text = null
        LastUpdateDate date
        """,
        "Stages ->> Deals@Stages by PipelineId",
    ),
    described(
        "Deals@Stages",
        _NAMED + "\nPipelineId int\nLastPipelineStage bool\nOrdination int\nTriggerId int = null",
        "Pipeline -> Deals@Pipelines by PipelineId",
    ),
    described("Deals@Status", _NAMED),
    described(
        "Deals@LossReasons",
        _NAMED + "\nPipelineId int\nLastUpdateDate date",
        "Pipeline -> Deals@Pipelines by PipelineId",
    ),
    described("Deals@Tags", "Id int\nTagId int\nDealId int", "Tag -> Tags by TagId"),
    described("Deals@OtherProperties", _PROPERTY.replace("{owner}", "DealId")),
    described("Contacts@Status", _NAMED),
    described("Contacts@Types", _NAMED),
    described("Contacts@Origins", _NAMED),
    described("Contacts@Tags", "Id int\nTagId int\nContactId int", "Tag -> Tags by TagId"),
    described("Contacts@Phones", "Id int\nPhoneNumber text\nTypeId int\nContactId int"),
    described("Contacts@OtherProperties", _PROPERTY.replace("{owner}", "ContactId")),
    described("Products", _NAMED + "\nCode text\nDealId int\nUnitPrice money"),
    described("Tags", _NAMED + "\nColor text = null"),
    described(
        "Cities",
        _NAMED + "\nStateId int\nCountryId int\nIBGECode int = null",
        "State -> Cities@Countries@States by StateId\nCountry -> Cities@Countries by CountryId",
    ),
    described("Cities@Countries", _NAMED + "\nShort text"),
    described(
        "Cities@Countries@States",
        _NAMED + "\nShort text\nCountryId int",
        "Country -> Cities@Countries by CountryId",
    ),
    described("Currencies", _NAMED + "\nShort text\nSymbol text"),
]

ENTITY_SETS: dict[str, EntitySet] = {each.name: each for each in _SETS}

# They exist in the account as links of other rows, not as sets of their own under the root.
LINKED_ONLY = {
    "Deals@Tags", "Deals@OtherProperties", "Contacts@Tags", "Contacts@Phones", "Contacts@OtherProperties",
}  # fmt: skip

# This account has nothing in them.
VACANT = {
    "Teams", "Roles", "Departments", "Contacts@Relationships", "Contacts@LinesOfBusiness",
    "Contacts@NumbersOfEmployees", "Contacts@Products", "Deals@Origins", "Quotes", "Quotes@ApprovalStatus",
    "Orders", "Orders@Stages", "Products@Families", "Products@Groups", "Products@Parts", "Documents",
    "DocumentTemplates", "Tasks", "Tasks@Types", "Tasks@EmailReminders", "InteractionRecords", "Fields",
    "Fields@Entities", "Fields@Types", "Fields@OptionsTables", "Fields@OptionsTables@Options", "PhoneTypes",
    "Operations", "RelativeDates",
}  # fmt: skip
