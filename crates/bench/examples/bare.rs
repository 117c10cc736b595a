#![allow(clippy::all)]
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use pg::exec::*;
use rest::jwt::Authenticator;
use rest::server::*;
use std::sync::Arc;
struct Bare {
    exec: Executor,
    auth: parking_lot::Mutex<Option<Arc<Authenticator>>>,
    pk: Arc<str>,
    list: Arc<str>,
}
impl Application for Bare {
    fn configure(&self, _c: &Config, a: Arc<Authenticator>) {
        *self.auth.lock() = Some(a);
    }
    fn set_catalog(&self, _c: Arc<catalog::Catalog>) {}
    async fn answer(&self, r: Request<Incoming>) -> Response<Full<Bytes>> {
        let auth = self.auth.lock().clone().unwrap();
        let caller = match auth.authenticate(r.headers().get("authorization").map(|h| h.as_bytes())) {
            Ok(c) => c,
            Err(_) => {
                let mut r = Response::new(Full::new(Bytes::new()));
                *r.status_mut() = http::StatusCode::UNAUTHORIZED;
                return r;
            }
        };
        let q = r.uri().query().unwrap_or("");
        let (sql, id) = if let Some(id) = q.strip_prefix("id=eq.") {
            (self.pk.clone(), id.split('&').next().unwrap().to_owned())
        } else if let Some(id) = q.strip_prefix("id=gt.") {
            (self.list.clone(), id.split('&').next().unwrap().to_owned())
        } else {
            (self.pk.clone(), "1".into())
        };
        let batch = Batch::read(
            vec![
                ("search_path".into(), Bytes::from_static(b"\"public\"")),
                ("role".into(), caller.role),
                ("request.jwt.claims".into(), caller.claims),
            ],
            vec![Step::new(sql, vec![Some(Bytes::from(id))])],
        );
        let batch = if q.contains("limit=1000") { Batch { lane: Lane::Wide, ..batch } } else { batch };
        match self.exec.run(batch).await {
            Ok(res) => {
                let r = &res[0];
                let mut out = Vec::with_capacity(r.rows.wire_len() * 2 + 64);
                out.push(b'[');
                for row in &r.rows {
                    if out.len() > 1 {
                        out.push(b',');
                    }
                    out.push(b'{');
                    for (i, f) in row.fields().enumerate() {
                        if i > 0 {
                            out.push(b',');
                        }
                        out.push(b'"');
                        out.extend(r.columns[i].name.as_bytes());
                        out.extend(b"\":\"");
                        out.extend(f.unwrap_or(b"null"));
                        out.push(b'"');
                    }
                    out.push(b'}');
                }
                out.push(b']');
                let mut resp = Response::new(Full::new(out.into()));
                resp.headers_mut()
                    .insert("content-type", http::HeaderValue::from_static("application/json; charset=utf-8"));
                resp
            }
            Err(e) => {
                eprintln!("{e}");
                let mut r = Response::new(Full::new(Bytes::from(e.to_string())));
                *r.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                r
            }
        }
    }
}
#[tokio::main]
async fn main() {
    let conf = std::env::args().nth(1).unwrap();
    let sources = Sources { file: Some(std::fs::read_to_string(&conf).unwrap()), ..Default::default() };
    let cols = "id, public_id, owner_id, category_id, title, description, price, published, created_at, metadata";
    let site = Site::new(None, sources, base::Clock::system(), None, |exec, _| Bare {
        exec,
        auth: Default::default(),
        pk: format!("select {cols} from public.courses where id = $1").into(),
        list: format!("select {cols} from public.courses where id > $1 order by id limit 100").into(),
    })
    .unwrap();
    let (_tx, rx) = tokio::sync::watch::channel(false);
    rest::server::run(site, rx).await.unwrap();
}
