"""Providers, identities, factors, administration, hooks."""

from uuid import uuid4

from supabase_auth import SyncGoTrueClient

from support import (
    APP_URL, AUTO_URL, CONFIRM_URL, PASSWORD, SQL_HOOKS_URL, Case, admin, claims, client, email, follow, id_token, letter_to,
    message_to, patient, phone, sha256, somebody, sql, totp, word,
)

PROVIDER = "keycloak"


class Providers(Case):
    def sign_in(self, hint, url=CONFIRM_URL, **options):
        auth = client(url, **options)
        answer = auth.sign_in_with_oauth({"provider": PROVIDER, "options": {"query_params": hint, "redirect_to": f"{APP_URL}/in"}})
        return auth, *follow(answer.url)

    def test_implicit(self):
        ada, hint = somebody()
        auth, at, _, fragment = self.sign_in(hint)
        self.assertEqual(at.path, "/in")
        auth.set_session(fragment["access_token"], fragment["refresh_token"])
        user = auth.get_user().user
        self.assertEqual((user.email, user.app_metadata["provider"]), (ada["email"], PROVIDER))

    def test_pkce(self):
        ada, hint = somebody()
        auth, _, query, _ = self.sign_in(hint, flow_type="pkce")
        answer = auth.exchange_code_for_session({"auth_code": query["code"], "code_verifier": "", "redirect_to": ""})
        self.assertEqual(answer.user.email, ada["email"])
        self.assertTrue(answer.session.provider_token)

    def test_id_token(self):
        ada, _ = somebody()
        nonce = word()
        token = id_token({**ada, "aud": "client", "nonce": sha256(nonce)})
        answer = client().sign_in_with_id_token({"provider": PROVIDER, "token": token, "nonce": nonce})
        self.assertEqual(answer.user.email, ada["email"])
        with self.assertRaises(Exception):
            client().sign_in_with_id_token({"provider": PROVIDER, "token": token, "nonce": "another"})

    def test_identities(self):
        auth, _, answer = self.member()
        _, hint = somebody()
        link = auth.link_identity({"provider": PROVIDER, "options": {"query_params": hint}})
        follow(link.url)
        identities = auth.get_user_identities().identities
        self.assertEqual(sorted(one.provider for one in identities), ["email", PROVIDER])
        auth.unlink_identity(next(one for one in identities if one.provider == PROVIDER))
        last = auth.get_user_identities().identities
        self.assertEqual([one.user_id for one in last], [answer.user.id])
        self.refused("single_identity_not_deletable", auth.unlink_identity, last[0])


class Factors(Case):
    def test_totp(self):
        auth, address, _ = self.member()
        factor = auth.mfa.enroll({"factor_type": "totp", "friendly_name": "phone"})
        wrong = {"factor_id": factor.id, "code": "000000"}
        self.refused("mfa_verification_failed", auth.mfa.challenge_and_verify, wrong)
        raised = auth.mfa.challenge_and_verify({"factor_id": factor.id, "code": totp(factor.totp.secret)})
        self.assertEqual(claims(raised.access_token)["aal"], "aal2")
        level = auth.mfa.get_authenticator_assurance_level()
        self.assertEqual((level.current_level, level.next_level), ("aal2", "aal2"))
        back = client(AUTO_URL)
        back.sign_in_with_password({"email": address, "password": PASSWORD})
        self.assertEqual(back.mfa.get_authenticator_assurance_level().current_level, "aal1")
        self.assertEqual(len(auth.mfa.list_factors().totp), 1)
        auth.mfa.unenroll({"factor_id": factor.id})
        self.assertEqual(len(auth.mfa.list_factors().all), 0)

    def test_phone(self):
        auth, _, _ = self.member()
        number = phone()
        factor = auth.mfa.enroll({"factor_type": "phone", "phone": number, "friendly_name": "mine"})
        challenge = auth.mfa.challenge({"factor_id": factor.id, "channel": "sms"})
        code = message_to(number)["code"]
        raised = auth.mfa.verify({"factor_id": factor.id, "challenge_id": challenge.id, "code": code})
        self.assertEqual(claims(raised.access_token)["amr"][0]["method"], "mfa/phone")


class Administration(Case):
    def test_users(self):
        api, address = admin(), email()
        user = api.create_user(
            {"email": address, "password": PASSWORD, "email_confirm": True, "user_metadata": {"a": 1}, "app_metadata": {"plan": "free"}}
        ).user
        self.assertEqual(user.user_metadata["a"], 1)
        self.refused("email_exists", api.create_user, {"email": address})
        self.assertEqual(api.get_user_by_id(user.id).user.email, address)
        changed = api.update_user_by_id(user.id, {"user_metadata": {"b": 2}, "app_metadata": {"plan": "pro"}}).user
        self.assertEqual((changed.user_metadata["b"], changed.app_metadata["plan"]), (2, "pro"))
        api.update_user_by_id(user.id, {"ban_duration": "24h"})
        self.refused("user_banned", client().sign_in_with_password, {"email": address, "password": PASSWORD})
        api.update_user_by_id(user.id, {"ban_duration": "none"})
        session = client().sign_in_with_password({"email": address, "password": PASSWORD}).session
        self.assertEqual(len(api.list_users(page=1, per_page=1)), 1)
        api.sign_out(session.access_token)
        self.refused("session_not_found", client().get_user, session.access_token)
        api.delete_user(user.id)
        self.refused("user_not_found", api.get_user_by_id, user.id)
        self.refused("not_admin", lambda: self.stranger().list_users())

    def stranger(self):
        _, _, answer = self.member()
        headers = {"Authorization": f"Bearer {answer.session.access_token}"}
        return SyncGoTrueClient(url=AUTO_URL, headers=headers, auto_refresh_token=False, http_client=patient()).admin

    def test_soft_deletion(self):
        _, address, answer = self.member()
        admin(AUTO_URL).delete_user(answer.user.id, True)
        self.refused("invalid_credentials", client(AUTO_URL).sign_in_with_password, {"email": address, "password": PASSWORD})

    def test_invitation(self):
        address = email()
        user = admin().invite_user_by_email(address, {"data": {"team": "x"}, "redirect_to": f"{APP_URL}/join"}).user
        at, _, fragment = follow(letter_to(address)["link"])
        self.assertEqual((at.path, claims(fragment["access_token"])["sub"]), ("/join", user.id))

    def test_links(self):
        api, address = admin(), email()
        link = api.generate_link({"type": "signup", "email": address, "password": PASSWORD})
        verify = lambda link, kind: client().verify_otp({"token_hash": link.properties.hashed_token, "type": kind}).user
        self.assertEqual(verify(link, "signup").id, link.user.id)
        for kind in ("magiclink", "recovery"):
            self.assertEqual(verify(api.generate_link({"type": kind, "email": address}), kind).id, link.user.id)
        invite = api.generate_link({"type": "invite", "email": email()})
        self.assertEqual(verify(invite, "invite").id, invite.user.id)
        new = email()
        kinds = ("email_change_current", "email_change_new")
        for change in [api.generate_link({"type": kind, "email": address, "new_email": new}) for kind in kinds]:
            client().verify_otp({"token_hash": change.properties.hashed_token, "type": "email_change"})
        self.assertEqual(api.get_user_by_id(link.user.id).user.email, new)

    def test_factors(self):
        auth, _, answer = self.member()
        factor = auth.mfa.enroll({"factor_type": "totp", "friendly_name": "phone"})
        api = admin(AUTO_URL)
        self.assertEqual([one.id for one in api.mfa.list_factors({"user_id": answer.user.id})], [factor.id])
        api.mfa.delete_factor({"user_id": answer.user.id, "id": factor.id})
        self.assertEqual(list(api.mfa.list_factors({"user_id": answer.user.id})), [])

    def test_oauth_clients(self):
        from supabase_auth.types import CreateOAuthClientParams, UpdateOAuthClientParams

        oauth = admin().oauth
        made = oauth.create_client(CreateOAuthClientParams(client_name=word(), redirect_uris=[f"{APP_URL}/callback"])).client
        self.assertTrue(made.client_secret)
        self.assertEqual(oauth.get_client(made.client_id).client.client_name, made.client_name)
        changed = oauth.update_client(made.client_id, UpdateOAuthClientParams(client_name="Another")).client
        self.assertEqual(changed.client_name, "Another")
        self.assertNotEqual(oauth.regenerate_client_secret(made.client_id).client.client_secret, made.client_secret)
        self.assertIn(made.client_id, [one.client_id for one in oauth.list_clients().clients])
        oauth.delete_client(made.client_id)
        self.refused("oauth_client_not_found", oauth.get_client, made.client_id)


class Hooks(Case):
    def test_claims(self):
        address = email()
        admin(SQL_HOOKS_URL).create_user({"email": address, "password": PASSWORD, "email_confirm": True})
        auth = client(SQL_HOOKS_URL)
        answer = auth.sign_in_with_password({"email": address, "password": PASSWORD})
        self.assertTrue(claims(answer.session.access_token)["from_sql"])


class Imported(Case):
    def test_a_seed_by_hand(self):
        address = email()
        sql(
            "insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at, confirmation_token, recovery_token)"
            " values ($1, 'authenticated', 'authenticated', $2, crypt('password123', gen_salt('bf')), now(), null, null)",
            str(uuid4()), address,
        )
        auth = client()
        auth.sign_in_with_password({"email": address, "password": "password123"})
        auth.refresh_session()
        self.assertEqual(auth.get_user().user.email, address)
