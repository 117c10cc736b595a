//! Random walks over sign-in, refresh, replay of old tokens, sign-out, ban, password change and deletion: no token that should be dead
//! is accepted, and none that should be alive is lost.

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{Answer, World, text};

/// One step of a walk; numbers choose among the sessions that there are.
#[derive(Debug, Clone, Copy)]
enum Step {
    SignIn,
    Refresh(usize),
    /// A refresh token of two generations ago, after the reuse interval: somebody stole it.
    Replay(usize),
    SignOut(usize, &'static str),
    ChangePassword(usize),
    /// By an administrator.
    ResetPassword,
    Ban,
    Unban,
    Delete {
        soft: bool,
    },
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::SignIn),
        6 => (0..8_usize).prop_map(Step::Refresh),
        2 => (0..8_usize).prop_map(Step::Replay),
        2 => (0..8_usize, prop_oneof![Just("local"), Just("others"), Just("global")]).prop_map(|(n, s)| Step::SignOut(n, s)),
        1 => (0..8_usize).prop_map(Step::ChangePassword),
        1 => Just(Step::ResetPassword),
        1 => Just(Step::Ban),
        2 => Just(Step::Unban),
        1 => any::<bool>().prop_map(|soft| Step::Delete { soft }),
        2 => (1..40_u64).prop_map(Step::Wait),
    ]
}

/// What the walk believes of a session.
struct Known {
    session_id: String,
    /// All access tokens that it ever had; they live an hour, longer than a walk.
    access: Vec<String>,
    /// All refresh tokens, the newest last.
    refresh: Vec<Value>,
    alive: bool,
    /// Its refresh tokens were revoked; access tokens live on.
    stolen: bool,
}

struct Walk {
    world: World,
    user: String,
    password: String,
    banned: bool,
    /// Deleted: the next sign-in is a sign-up of another user.
    gone: bool,
    sessions: Vec<Known>,
}

impl Walk {
    async fn begin() -> Self {
        let world = World::autoconfirm().await;
        let mut walk = Self {
            world,
            user: String::new(),
            password: "correct horse".into(),
            banned: false,
            gone: true,
            sessions: Vec::new(),
        };
        walk.take(Step::SignIn).await;
        walk
    }

    fn learn(&mut self, session: &Value) {
        let session_id = text(&self.world.claims(&session["access_token"])["session_id"]);
        let (access, refresh) = (text(&session["access_token"]), session["refresh_token"].clone());
        match self.sessions.iter_mut().find(|known| known.session_id == session_id) {
            Some(known) => {
                known.access.push(access);
                known.refresh.push(refresh);
            }
            None => self.sessions.push(Known {
                session_id,
                access: vec![access],
                refresh: vec![refresh],
                alive: true,
                stolen: false,
            }),
        }
    }

    fn kill(&mut self, dies: impl Fn(usize) -> bool) {
        for (at, known) in self.sessions.iter_mut().enumerate() {
            known.alive &= !dies(at);
        }
    }

    /// May requests with tokens of this session pass?
    fn open(&self, known: &Known) -> bool {
        known.alive && !self.banned
    }

    async fn admin(&self, method: Method, body: Value) -> Answer {
        self.world.admin(method, &format!("/admin/users/{}", self.user), Some(body)).await
    }

    async fn sign_in(&mut self) {
        if self.gone {
            let body = json!({"email": "ada@x.test", "password": self.password});
            let signed_up = self.world.post("/signup", body).await.ok();
            self.user = text(&signed_up["user"]["id"]);
            (self.gone, self.banned) = (false, false);
            self.learn(&signed_up);
            return;
        }
        let body = json!({"email": "ada@x.test", "password": self.password});
        let answer = self.world.post("/token?grant_type=password", body).await;
        assert_eq!(answer.status == 200, !self.banned, "{}", answer.body);
        if answer.status == 200 {
            self.learn(&answer.body);
        }
    }

    async fn refresh(&mut self, at: usize) {
        let known = &self.sessions[at];
        let should = self.open(known) && !known.stolen;
        let answer = self.world.refresh(known.refresh.last().unwrap()).await;
        assert_eq!(answer.status == 200, should, "{}", answer.body);
        if should {
            self.learn(&answer.body);
        }
    }

    async fn replay(&mut self, at: usize) {
        let known = &self.sessions[at];
        let Some(old) = known.refresh.len().checked_sub(3).map(|at| known.refresh[at].clone()) else { return };
        self.world.later(11);
        let answer = self.world.refresh(&old).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        // A ban or the end of the session is found out first, and nothing is revoked.
        let stolen = self.open(known);
        self.sessions[at].stolen |= stolen;
    }

    async fn take(&mut self, step: Step) {
        let chosen = |n: usize| n % self.sessions.len().max(1);
        match step {
            Step::SignIn => self.sign_in().await,
            Step::Refresh(n) => self.refresh(chosen(n)).await,
            Step::Replay(n) => self.replay(chosen(n)).await,
            Step::SignOut(n, scope) => {
                let at = chosen(n);
                let should = self.open(&self.sessions[at]);
                let path = format!("/logout?scope={scope}");
                let token = self.sessions[at].access.last().unwrap();
                let answer = self.world.send(Method::POST, &path, Some(token), None).await;
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
                let should = self.open(&self.sessions[at]);
                let password = format!("{}x", self.password);
                let token = self.sessions[at].access.last().unwrap();
                let answer = self.world.put_user(token, json!({"password": password})).await;
                assert_eq!(answer.status == 200, should, "{}", answer.body);
                if should {
                    self.password = password;
                    self.kill(|other| other != at);
                }
            }
            Step::ResetPassword if !self.gone => {
                self.password.push('y');
                self.admin(Method::PUT, json!({"password": self.password})).await.ok();
                self.kill(|_| true);
            }
            Step::Ban | Step::Unban if !self.gone => {
                self.banned = matches!(step, Step::Ban);
                let duration = if self.banned { "100h" } else { "none" };
                self.admin(Method::PUT, json!({"ban_duration": duration})).await.ok();
            }
            Step::Delete { soft } if !self.gone => {
                self.admin(Method::DELETE, json!({"should_soft_delete": soft})).await.ok();
                self.kill(|_| true);
                self.gone = true;
            }
            Step::Wait(seconds) => self.world.later(seconds),
            Step::ResetPassword | Step::Ban | Step::Unban | Step::Delete { .. } => {}
        }
    }

    /// Every token of every session that ever was, by its own service and by what the others are told.
    async fn check(&self) {
        for known in &self.sessions {
            let should = self.open(known);
            for token in &known.access {
                let answer = self.world.get("/user", token).await;
                assert_eq!(answer.status == 200, should, "{}", answer.body);
            }
            let revoked = self.world.revocations.is_revoked(known.session_id.parse().unwrap());
            assert_eq!(revoked, !should, "the other services know");
            if !known.alive {
                let answer = self.world.refresh(known.refresh.last().unwrap()).await;
                assert!((400..500).contains(&answer.status.as_u16()), "{}", answer.body);
            }
        }
    }
}

#[test]
fn no_dead_token_is_accepted_and_no_live_one_is_lost() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config =
        ProptestConfig { cases: 16, failure_persistence: None, max_shrink_iters: 8, ..ProptestConfig::default() };
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
