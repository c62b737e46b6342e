"""Signing in with the company's account: the authorization code flow of OpenID Connect, with PKCE, state and nonce.

`routes` is the way there and back, `journey` what a browser takes along, `provider` what is asked of the provider, and
`identity` what its ID token proves. Nothing but `routes` is imported before somebody goes there, Authlib least of all.
"""
