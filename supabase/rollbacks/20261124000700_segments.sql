-- Carteira: all of it is derived but the rules, which go with it.
drop function portfolio_cell;
drop function portfolio_class;
drop function portfolio_status;
drop table customer_rhythm;
drop table portfolio_state;
drop table portfolio_rules;
