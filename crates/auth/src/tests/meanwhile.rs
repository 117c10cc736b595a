//! Something else happens in the middle of a request: the test holds a lock, lets the request run into it, and then lets go.

use std::time::Duration;

use http::Method;
use pg::tokio_postgres::Client;
use serde_json::{Value, json};

use super::world::{Answer, World, text};

const VERIFIER: &str = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";

impl World {
    /// A transaction of somebody else, in which `sql` has run.
    async fn meanwhile(&self, sql: &str) -> Client {
        let client = self.database.connect(&self.database.admin).await;
        client.batch_execute(&format!("begin; {sql}")).await.unwrap();
        client
    }
}

/// Commits once another connection waits for what the transaction holds; half a second, if none does.
async fn let_go(client: &Client, waiting: i64) {
    const WAITING: &str = "select count(*) from pg_stat_activity where datname = current_database()
        and pg_backend_pid() = any(pg_blocking_pids(pid))";
    for _ in 0..50 {
        if client.query_one(WAITING, &[]).await.unwrap().get::<_, i64>(0) >= waiting {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    client.batch_execute("commit").await.unwrap();
}

/// Signs up with PKCE and opens the link; what is left is to trade the code.
async fn code(world: &World, email: &str) -> (Value, String) {
    let body = json!({"email": email, "password": "correct horse", "code_challenge": VERIFIER, "code_challenge_method": "plain"});
    let user = world.post("/signup", body).await.ok();
    let opened = world.raw(Method::GET, &world.letter(email).link(), &[], "").await;
    let code = opened.location().split_once("code=").unwrap().1.split(['&', '#']).next().unwrap().to_owned();
    (json!({"auth_code": code, "code_verifier": VERIFIER}), text(&user["id"]))
}

#[tokio::test]
async fn a_ban_during_a_sign_in_wins() {
    let world = World::start(|_| ()).await;
    let (exchange, id) = code(&world, "ada@x.test").await;
    let ban = world.meanwhile(&format!("update auth.users set banned_until = 'infinity' where id = '{id}'")).await;
    let (answer, ()) = tokio::join!(world.post("/token?grant_type=pkce", exchange), let_go(&ban, 1));
    assert_eq!(answer.refusal(), (403, "user_banned"), "{}", answer.body);
    assert_eq!(world.count("select count(*) from auth.sessions").await, 0);
}

#[tokio::test]
async fn a_code_of_a_deleted_user_opens_nothing() {
    let world = World::start(|_| ()).await;
    for soft in [true, false] {
        let (exchange, id) = code(&world, &format!("{soft}@x.test")).await;
        let body = json!({"should_soft_delete": soft});
        world.admin(Method::DELETE, &format!("/admin/users/{id}"), Some(body)).await.ok();
        let answer = world.post("/token?grant_type=pkce", exchange).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{soft}: {} {}", answer.status, answer.body);
    }
    assert_eq!(world.count("select count(*) from auth.sessions").await, 0);
}

/// A session that is opened while its user is deleted: the other services must learn that its token is dead.
#[tokio::test]
async fn a_sign_in_during_a_deletion_leaves_no_living_token() {
    for soft in [true, false] {
        let world = World::autoconfirm().await;
        let user = world.signed_up("ada@x.test").await["user"]["id"].clone();
        let session = crypto::random::uuid();
        let sign_in = world
            .meanwhile(&format!("insert into auth.sessions (id, user_id) values ('{session}', '{}')", text(&user)))
            .await;
        let path = format!("/admin/users/{}", text(&user));
        let body = Some(json!({"should_soft_delete": soft}));
        let (deleted, ()) = tokio::join!(world.admin(Method::DELETE, &path, body), let_go(&sign_in, 1));
        deleted.ok();
        assert!(world.revocations.is_revoked(session), "soft: {soft}");
        assert_eq!(world.count("select count(*) from auth.sessions").await, 0);
    }
}

#[tokio::test]
async fn two_unlinkings_at_once_leave_one_identity() {
    let world = World::start(|config| {
        config.mailer.autoconfirm = true;
        config.phone.enabled = true;
        config.phone.autoconfirm = true;
        config.manual_linking_enabled = true;
    })
    .await;
    let session = world.signed_up("ada@x.test").await;
    let token = text(&session["access_token"]);
    let user = world.put_user(&token, json!({"phone": "15550100"})).await.ok();
    let paths: Vec<String> = user["identities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|identity| format!("/user/identities/{}", text(&identity["identity_id"])))
        .collect();
    let holder = world.meanwhile("lock table auth.audit_log_entries in share row exclusive mode").await;
    let (one, two, ()) = tokio::join!(
        world.send(Method::DELETE, &paths[0], Some(&token), None),
        world.send(Method::DELETE, &paths[1], Some(&token), None),
        let_go(&holder, 2)
    );
    let answers = [one, two];
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 1, "{answers:?}");
    assert_eq!(world.count("select count(*) from auth.identities").await, 1);
}

#[tokio::test]
async fn of_two_new_passwords_at_once_one_counts_and_its_session_lives() {
    let world = World::autoconfirm().await;
    let sessions = [world.signed_up("ada@x.test").await, world.sign_in("ada@x.test").await];
    let tokens = sessions.map(|session| text(&session["access_token"]));
    let holder = world.meanwhile("lock table auth.audit_log_entries in share row exclusive mode").await;
    let (one, two, ()) = tokio::join!(
        world.put_user(&tokens[0], json!({"password": "battery staple"})),
        world.put_user(&tokens[1], json!({"password": "staple battery"})),
        let_go(&holder, 2)
    );
    let answers = [one, two];
    let good: Vec<usize> = (0..2).filter(|at| answers[*at].status == 200).collect();
    assert_eq!(good.len(), 1, "{answers:?}");
    assert_eq!(answers[1 - good[0]].refusal(), (403, "session_not_found"));
    assert_eq!(world.get("/user", &tokens[good[0]]).await.status, 200);
}

#[tokio::test]
async fn an_address_that_is_taken_meanwhile_is_taken() {
    let world = World::start(|config| {
        config.mailer.autoconfirm = true;
        config.phone.enabled = true;
        config.phone.autoconfirm = true;
    })
    .await;
    let token = text(&world.signed_up("ada@x.test").await["access_token"]);
    let insert = |columns: &str, values: &str| {
        format!(
            "insert into auth.users (id, aud, role, {columns}) values (gen_random_uuid(), 'authenticated', 'authenticated', {values})"
        )
    };
    for (sql, body, code) in [
        (insert("email", "'new@x.test'"), json!({"email": "new@x.test"}), "email_exists"),
        (insert("phone", "'15550100'"), json!({"phone": "15550100"}), "phone_exists"),
    ] {
        let other = world.meanwhile(&sql).await;
        let (answer, ()): (Answer, ()) = tokio::join!(world.put_user(&token, body), let_go(&other, 1));
        assert_eq!(answer.refusal(), (422, code), "{}", answer.body);
    }
}

/// A client that gets a 4xx for its refresh token forgets the session, and some do so at a 500.
#[tokio::test]
async fn trouble_of_the_server_signs_nobody_out() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let holder = world.meanwhile("select 1 from auth.sessions for update").await;
    let refused = world.refresh(&session["refresh_token"]).await;
    assert_eq!(refused.refusal(), (503, "conflict"), "somebody holds the session for longer than we wait");
    holder.batch_execute("commit").await.unwrap();
    for state in ["53100", "53200", "57P01", "58030", "40P01", "XX000"] {
        let trouble = format!(
            "create or replace function public.trouble() returns trigger language plpgsql
                as $$ begin raise exception 'trouble' using errcode = '{state}'; end $$;
             create or replace trigger trouble before insert on auth.refresh_tokens execute function public.trouble();
             create or replace trigger trouble before insert on auth.users execute function public.trouble();"
        );
        world.database.run(&trouble).await;
        assert_eq!(world.refresh(&session["refresh_token"]).await.status, 503, "{state}");
        let sign_up = world.post("/signup", json!({"email": "eve@x.test", "password": "correct horse"})).await;
        assert_eq!(sign_up.status, 503, "{state} {}", sign_up.body);
    }
    world.database.run("drop trigger trouble on auth.refresh_tokens").await;
    world.refresh(&session["refresh_token"]).await.ok();
}

#[tokio::test]
async fn enrolments_at_once_are_counted() {
    let world = World::start(|config| {
        config.mailer.autoconfirm = true;
        config.mfa.max_enrolled = 1;
    })
    .await;
    let token = text(&world.signed_up("ada@x.test").await["access_token"]);
    let enroll = || world.send(Method::POST, "/factors", Some(&token), Some(json!({"factor_type": "totp"})));
    let holder = world.meanwhile("lock table auth.audit_log_entries in share row exclusive mode").await;
    let (one, two, ()) = tokio::join!(enroll(), enroll(), let_go(&holder, 2));
    let good = [&one, &two].iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 1, "{} {}", one.body, two.body);
    assert_eq!(world.count("select count(*) from auth.mfa_factors").await, 1);
}
