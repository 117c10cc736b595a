//! GET /admin/audit

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::users::page_headers;
use crate::Auth;
use crate::error::Error;
use crate::request::Req;
use crate::routes::Answer;
use crate::store::{self, get};
use crate::wire::timestamp;

pub(crate) async fn list(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    let number = |name: &str, default: i64| match req.query(name) {
        None | Some("") => Ok(default),
        Some(text) => {
            text.parse().map_err(|_| Error::invalid(format!("Bad Pagination Parameters: {name} must be a number")))
        }
    };
    let page: i64 = number("page", 1)?.clamp(1, 1_000_000);
    let per_page: i64 = number("per_page", 50)?.clamp(1, 1000);
    let query = match req.query("query").filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => match text.split_once(':') {
            Some((column @ ("author" | "action" | "type"), words)) => Some((column, words)),
            _ => return Err(Error::invalid(format!("Invalid scope: {text}"))),
        },
    };
    let tx = auth.begin().await?;
    let rows = store::audit::list(&tx, query, per_page, (page - 1) * per_page).await?;
    tx.commit().await?;
    let total: i64 = rows.first().map(|row| get(row, "total")).transpose()?.unwrap_or(0);
    let mut entries = Vec::with_capacity(rows.len());
    for row in &rows {
        entries.push(json!({
            "id": get::<Uuid>(row, "id")?,
            "payload": get::<Option<Value>>(row, "payload")?,
            "created_at": timestamp(get::<OffsetDateTime>(row, "created_at")?),
            "ip_address": get::<String>(row, "ip_address")?,
        }));
    }
    let mut response = axum::Json(entries).into_response();
    page_headers(response.headers_mut(), "admin/audit", page, per_page, total);
    Ok(response)
}
