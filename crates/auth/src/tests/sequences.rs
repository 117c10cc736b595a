//! Random walks over sign-in, refresh, sign-out, ban and password change: no token that should be dead is accepted.

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{World, text};

/// One step of a walk; numbers choose among the sessions that there are.
#[derive(Debug, Clone, Copy)]
enum Step {
    SignIn,
    Refresh(usize),
    SignOut(usize, &'static str),
    ChangePassword(usize),
    Ban,
    Unban,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::SignIn),
        5 => (0..8_usize).prop_map(Step::Refresh),
        2 => (0..8_usize, prop_oneof![Just("local"), Just("others"), Just("global")]).prop_map(|(n, s)| Step::SignOut(n, s)),
        1 => (0..8_usize).prop_map(Step::ChangePassword),
        1 => Just(Step::Ban),
        1 => Just(Step::Unban),
        2 => (1..40_u64).prop_map(Step::Wait),
    ]
}

/// What the walk believes of a session.
struct Known {
    session_id: String,
    access: String,
    /// The newest refresh token.
    refresh: Value,
    alive: bool,
}

struct Walk {
    world: World,
    user: String,
    password: String,
    banned: bool,
    sessions: Vec<Known>,
}

impl Walk {
    async fn begin() -> Self {
        let world = World::autoconfirm().await;
        let first = world.signed_up("ada@x.test").await;
        let user = text(&first["user"]["id"]);
        let mut walk = Self { world, user, password: "correct horse".into(), banned: false, sessions: Vec::new() };
        walk.learn(&first);
        walk
    }

    fn learn(&mut self, session: &Value) {
        let session_id = text(&self.world.claims(&session["access_token"])["session_id"]);
        let (access, refresh) = (text(&session["access_token"]), session["refresh_token"].clone());
        match self.sessions.iter_mut().find(|known| known.session_id == session_id) {
            Some(known) => (known.access, known.refresh) = (access, refresh),
            None => self.sessions.push(Known { session_id, access, refresh, alive: true }),
        }
    }

    fn kill(&mut self, dies: impl Fn(usize) -> bool) {
        for (at, known) in self.sessions.iter_mut().enumerate() {
            known.alive &= !dies(at);
        }
    }

    async fn take(&mut self, step: Step) {
        let chosen = |n: usize| n % self.sessions.len();
        match step {
            Step::SignIn => {
                let body = json!({"email": "ada@x.test", "password": self.password});
                let answer = self.world.post("/token?grant_type=password", body).await;
                assert_eq!(answer.status == 200, !self.banned, "{}", answer.body);
                if answer.status == 200 {
                    self.learn(&answer.body);
                }
            }
            Step::Refresh(n) => {
                let known = &self.sessions[chosen(n)];
                let should = known.alive && !self.banned;
                let answer = self.world.refresh(&known.refresh).await;
                assert_eq!(answer.status == 200, should, "{}", answer.body);
                if should {
                    self.learn(&answer.body);
                }
            }
            Step::SignOut(n, scope) => {
                let at = chosen(n);
                let should = self.sessions[at].alive && !self.banned;
                let path = format!("/logout?scope={scope}");
                let answer = self.world.send(Method::POST, &path, Some(&self.sessions[at].access), None).await;
                assert_eq!(answer.status == 204, should, "{}", answer.body);
                if should {
                    self.kill(|other| match scope {
                        "local" => other == at,
                        "others" => other != at,
                        _ => true,
                    });
                }
            }
            Step::ChangePassword(n) => {
                let at = chosen(n);
                let should = self.sessions[at].alive && !self.banned;
                let password = format!("{}x", self.password);
                let answer = self.world.put_user(&self.sessions[at].access, json!({"password": password})).await;
                assert_eq!(answer.status == 200, should, "{}", answer.body);
                if should {
                    self.password = password;
                    self.kill(|other| other != at);
                }
            }
            Step::Ban | Step::Unban => {
                self.banned = matches!(step, Step::Ban);
                let duration = if self.banned { "100h" } else { "none" };
                let path = format!("/admin/users/{}", self.user);
                self.world.admin(Method::PUT, &path, Some(json!({"ban_duration": duration}))).await.ok();
            }
            Step::Wait(seconds) => self.world.later(seconds),
        }
    }

    /// Every token of every session that ever was, by its own service and by what the others are told.
    async fn check(&self) {
        for known in &self.sessions {
            let should = known.alive && !self.banned;
            let answer = self.world.get("/user", &known.access).await;
            assert_eq!(answer.status == 200, should, "{}", answer.body);
            let revoked = self.world.revocations.is_revoked(known.session_id.parse().unwrap());
            assert_eq!(revoked, !should, "the other services know");
        }
    }
}

#[test]
fn no_dead_token_is_accepted_and_no_live_one_is_lost() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config =
        ProptestConfig { cases: 12, failure_persistence: None, max_shrink_iters: 8, ..ProptestConfig::default() };
    proptest!(config, |(steps in proptest::collection::vec(step(), 1..25))| {
        runtime.block_on(async {
            let mut walk = Walk::begin().await;
            for step in steps {
                walk.take(step).await;
                walk.check().await;
            }
        });
    });
}
