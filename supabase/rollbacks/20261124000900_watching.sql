-- Carteira: the list of the forgotten goes with it: note it before, or the next full read brings them back.
drop table alerts;
drop table forgotten;
