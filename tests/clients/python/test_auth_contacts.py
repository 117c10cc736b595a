"""Who is reached by letter or by phone: sign-up, sign-in, codes, links, recovery, and the change of an address."""

from supabase_auth.errors import AuthWeakPasswordError

from support import (
    APP_URL, AUTO_URL, PASSWORD, Case, client, email, follow, letter_to, message_to, phone, sql,
)


class Contacts(Case):
    def confirmed(self):
        auth, address = client(), email()
        auth.sign_up({"email": address, "password": PASSWORD})
        answer = auth.verify_otp({"email": address, "token": letter_to(address)["token"], "type": "email"})
        return auth, address, answer.user

    def arrive(self, link):
        auth = client()
        at, _, fragment = follow(link)
        auth.set_session(fragment["access_token"], fragment["refresh_token"])
        return auth, at, fragment

    def test_email_and_password(self):
        auth, address = client(), email()
        options = {"data": {"full_name": "Ada"}, "email_redirect_to": f"{APP_URL}/welcome"}
        answer = auth.sign_up({"email": address, "password": PASSWORD, "options": options})
        self.assertIsNone(answer.session)
        self.refused("email_not_confirmed", auth.sign_in_with_password, {"email": address, "password": PASSWORD})
        arrived, at, fragment = self.arrive(letter_to(address)["link"])
        self.assertEqual((at.path, fragment["type"]), ("/welcome", "signup"))
        user = arrived.get_user().user
        self.assertEqual((user.id, user.user_metadata["full_name"]), (answer.user.id, "Ada"))
        self.assertTrue(client().sign_in_with_password({"email": address, "password": PASSWORD}).session.access_token)
        self.refused("invalid_credentials", client().sign_in_with_password, {"email": address, "password": "wrong"})
        again = client().sign_up({"email": address, "password": PASSWORD})
        self.assertEqual(again.user.identities, [])

    def test_weak_passwords_and_bad_addresses(self):
        with self.assertRaises(AuthWeakPasswordError) as caught:
            client().sign_up({"email": email(), "password": "abc"})
        self.assertEqual(caught.exception.reasons, ["length"])
        self.refused("validation_failed", client().sign_up, {"email": "nobody", "password": PASSWORD})

    def test_phone_and_password(self):
        auth, number = client(), phone()
        self.assertIsNone(auth.sign_up({"phone": number, "password": PASSWORD}).session)
        self.refused("phone_not_confirmed", auth.sign_in_with_password, {"phone": number, "password": PASSWORD})
        verified = auth.verify_otp({"phone": number, "token": message_to(number)["code"], "type": "sms"})
        self.assertEqual(verified.user.phone, number)
        client().sign_in_with_password({"phone": number, "password": PASSWORD})

    def test_codes(self):
        auth, address = client(), email()
        auth.sign_in_with_otp({"email": address})
        first = auth.verify_otp({"email": address, "token": letter_to(address)["token"], "type": "email"})
        auth.sign_in_with_otp({"email": address})
        again = auth.verify_otp({"email": address, "token": letter_to(address, 2)["token"], "type": "email"})
        self.assertEqual(first.user.id, again.user.id)
        unknown = {"email": email(), "options": {"should_create_user": False}}
        self.refused("otp_disabled", client().sign_in_with_otp, unknown)
        number = phone()
        auth.sign_in_with_otp({"phone": number})
        self.refused("otp_expired", auth.verify_otp, {"phone": number, "token": "1", "type": "sms"})
        self.assertTrue(auth.verify_otp({"phone": number, "token": message_to(number)["code"], "type": "sms"}).session)

    def test_magic_link(self):
        _, address, user = self.confirmed()
        client().sign_in_with_otp({"email": address, "options": {"email_redirect_to": f"{APP_URL}/in"}})
        arrived, at, _ = self.arrive(letter_to(address, 2)["link"])
        self.assertEqual((at.path, arrived.get_user().user.id), ("/in", user.id))

    def test_anonymous_becomes_permanent(self):
        auth = client()
        anonymous = auth.sign_in_anonymously({"options": {"data": {"cart": 3}}}).user
        self.assertTrue(anonymous.is_anonymous)
        address = email()
        auth.update_user({"email": address})
        user = auth.verify_otp({"email": address, "token": letter_to(address)["token"], "type": "email_change"}).user
        self.assertEqual((user.id, user.is_anonymous, user.user_metadata["cart"]), (anonymous.id, False, 3))

    def test_recovery(self):
        _, address, user = self.confirmed()
        client().reset_password_for_email(address, {"redirect_to": f"{APP_URL}/new"})
        auth, _, fragment = self.arrive(letter_to(address, 2)["link"])
        self.assertEqual(fragment["type"], "recovery")
        auth.update_user({"password": "a new horse"})
        self.assertEqual(client().sign_in_with_password({"email": address, "password": "a new horse"}).user.id, user.id)
        self.refused("same_password", auth.update_user, {"password": "a new horse"})
        client().reset_password_for_email(email())

    def test_email_change(self):
        auth, old, _ = self.confirmed()
        new = email()
        self.assertEqual(auth.update_user({"email": new}).user.new_email, new)
        auth.verify_otp({"token_hash": letter_to(new)["hash"], "type": "email_change"})
        self.assertEqual(auth.get_user().user.email, old)
        auth.verify_otp({"token_hash": letter_to(old, 2)["hash"], "type": "email_change"})
        self.assertEqual(client().sign_in_with_password({"email": new, "password": PASSWORD}).user.email, new)

    def test_phone_change(self):
        auth, _, _ = self.confirmed()
        number = phone()
        auth.update_user({"phone": number})
        auth.verify_otp({"phone": number, "token": message_to(number)["code"], "type": "phone_change"})
        self.assertEqual(auth.get_user().user.phone, number)

    def test_resend(self):
        auth, address = client(), email()
        auth.sign_up({"email": address, "password": PASSWORD})
        letter_to(address)
        auth.resend({"type": "signup", "email": address})
        auth.verify_otp({"token_hash": letter_to(address, 2)["hash"], "type": "signup"})
        number = phone()
        client().sign_up({"phone": number, "password": PASSWORD})
        message_to(number)
        client().resend({"type": "sms", "phone": number})
        client().verify_otp({"phone": number, "token": message_to(number, 2)["code"], "type": "sms"})

    def test_reauthentication(self):
        auth, address, user = self.confirmed()
        sql("update auth.sessions set created_at = now() - interval '2 days' where user_id = $1", user.id)
        self.refused("reauthentication_needed", auth.update_user, {"password": "a new horse"})
        auth.reauthenticate()
        nonce = letter_to(address, 2)["subject"].split()[0]
        auth.update_user({"password": "a new horse", "nonce": nonce})
        client().sign_in_with_password({"email": address, "password": "a new horse"})

    def test_pkce_letter(self):
        auth, address = client(flow_type="pkce"), email()
        auth.sign_up({"email": address, "password": PASSWORD})
        _, query, _ = follow(letter_to(address)["link"])
        answer = auth.exchange_code_for_session({"auth_code": query["code"], "code_verifier": "", "redirect_to": ""})
        self.assertEqual(answer.user.email, address)


class Sessions(Case):
    def test_scopes_of_sign_out(self):
        a, address, _ = self.member()
        b, c = client(AUTO_URL), client(AUTO_URL)
        tokens = [one.sign_in_with_password({"email": address, "password": PASSWORD}).session for one in (b, c)]
        b.sign_out({"scope": "local"})
        self.refused("session_not_found", client(AUTO_URL).get_user, tokens[0].access_token)
        client(AUTO_URL).get_user(tokens[1].access_token)
        a.sign_out({"scope": "others"})
        self.refused("session_not_found", client(AUTO_URL).get_user, tokens[1].access_token)
        own = a.get_session().access_token
        a.sign_out({"scope": "global"})
        self.refused("session_not_found", client(AUTO_URL).get_user, own)

    def test_refresh_and_reuse(self):
        _, _, answer = self.member()
        refresh = lambda token: client(AUTO_URL).refresh_session(token).session.refresh_token
        first = refresh(answer.session.refresh_token)
        self.assertEqual(refresh(answer.session.refresh_token), first)
        second = refresh(first)
        self.refused("refresh_token_already_used", refresh, answer.session.refresh_token)
        self.refused("refresh_token_already_used", refresh, second)
        self.refused("refresh_token_not_found", refresh, "abcdefghijkl")

    def test_claims_and_events(self):
        auth, address = client(AUTO_URL), email()
        heard = []
        auth.on_auth_state_change(lambda event, _: heard.append(event))
        auth.sign_up({"email": address, "password": PASSWORD})
        read = auth.get_claims()["claims"]
        self.assertEqual((read["email"], read["role"], read["aal"]), (address, "authenticated", "aal1"))
        auth.refresh_session()
        auth.update_user({"data": {"a": 1}})
        auth.sign_out()
        for event in ("SIGNED_IN", "TOKEN_REFRESHED", "USER_UPDATED", "SIGNED_OUT"):
            self.assertIn(event, heard)
        self.refused("user_already_exists", client(AUTO_URL).sign_up, {"email": address, "password": PASSWORD})

