-- Carteira: the days and counts of the RFV grid rise from step to step; where they did not, customers were put anywhere.

update portfolio_rules set recency_days = default
where (0 < recency_days[1] and recency_days[1] < recency_days[2] and recency_days[2] < recency_days[3]
       and recency_days[3] < recency_days[4]) is not true;
update portfolio_rules set frequencies = default
where (0 < frequencies[1] and frequencies[1] < frequencies[2] and frequencies[2] < frequencies[3]
       and frequencies[3] < frequencies[4]) is not true;

alter table portfolio_rules
    add constraint portfolio_rules_recency_days_rise check (
        (0 < recency_days[1] and recency_days[1] < recency_days[2] and recency_days[2] < recency_days[3]
         and recency_days[3] < recency_days[4]) is true),
    add constraint portfolio_rules_frequencies_rise check (
        (0 < frequencies[1] and frequencies[1] < frequencies[2] and frequencies[2] < frequencies[3]
         and frequencies[3] < frequencies[4]) is true);
