-- Carteira: drops people, links, sessions and tokens, which exist nowhere else.
drop table audit_log, sign_in_attempts, api_tokens, sessions, sign_in_links, users;
