-- Carteira: the cut-offs stay as they are, and nothing holds them in order any more.
alter table portfolio_rules
    drop constraint portfolio_rules_recency_days_rise,
    drop constraint portfolio_rules_frequencies_rise;
