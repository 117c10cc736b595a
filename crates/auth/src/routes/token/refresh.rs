use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::Auth;
use crate::request::Req;
use crate::routes::Answer;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    refresh_token: String,
}

pub(super) async fn grant(auth: &Auth, req: &Req) -> Answer {
    let params: Params = req.json()?;
    let issued = auth.refresh(req, &params.refresh_token, None).await?;
    let mut response = axum::Json(issued.to_json()).into_response();
    for (name, id) in [("sb-auth-user-id", issued.user.id), ("sb-auth-session-id", issued.session_id)] {
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}
