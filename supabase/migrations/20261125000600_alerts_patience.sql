-- Carteira: people are told of what time may mend once it has lasted.

alter table alerts add column ripe_at timestamptz not null default now();
comment on column alerts.ripe_at is 'nobody is told before; what is over until then is never told';
