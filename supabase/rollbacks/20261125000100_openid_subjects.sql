-- Carteira: who is bound to which account at an OpenID provider goes with it; the next sign-in binds again by e-mail address.
drop table openid_subjects;
