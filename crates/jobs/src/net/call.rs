//! One outgoing request.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::Url;

use super::Queued;

/// Answers are cut here; the database is no place for downloads.
const CONTENT_BYTES: usize = 16 * 1024 * 1024;

/// What is written to `net._http_response`.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub status: Option<i32>,
    pub content_type: Option<String>,
    pub headers: Option<Value>,
    pub content: Option<String>,
    pub timed_out: Option<bool>,
    pub error: Option<String>,
}

/// Sends a request; a failure of any kind is an answer, too.
pub(super) async fn send(client: &reqwest::Client, gateway: Option<&Url>, queued: &Queued) -> Answered {
    match tokio::time::timeout(queued.timeout, exchange(client, gateway, queued)).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(error)) => Answered { error: Some(error), ..Answered::default() },
        Err(_) => {
            let error = format!("Timeout of {} ms reached", queued.timeout.as_millis());
            Answered { timed_out: Some(true), error: Some(error), ..Answered::default() }
        }
    }
}

async fn exchange(client: &reqwest::Client, gateway: Option<&Url>, queued: &Queued) -> Result<Answered, String> {
    let url = Url::parse(&queued.url).map_err(|e| format!("the URL {:?} cannot be read: {e}", queued.url))?;
    let method: Method = queued.method.parse().map_err(|_| format!("unknown method {:?}", queued.method))?;
    let mut request = client.request(method, local_url(url, gateway)).headers(headers(queued.headers.as_ref())?);
    if let Some(body) = &queued.body {
        request = request.body(body.clone());
    }
    let mut response = request.send().await.map_err(|e| root_cause(&e))?;
    let status = Some(i32::from(response.status().as_u16()));
    let seen: Map<String, Value> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into()))
        .collect();
    let content_type = seen.get(CONTENT_TYPE.as_str()).and_then(Value::as_str).map(str::to_owned);
    let mut content = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|e| root_cause(&e))? {
        content.extend_from_slice(&piece);
        if content.len() > CONTENT_BYTES {
            return Err(format!("the answer is larger than {CONTENT_BYTES} bytes"));
        }
    }
    Ok(Answered {
        status,
        content_type,
        headers: Some(Value::Object(seen)),
        content: Some(String::from_utf8_lossy(&content).into_owned()),
        timed_out: Some(false),
        error: None,
    })
}

fn headers(given: Option<&Value>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given.and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let bad = |_| format!("the header {name:?} cannot be sent");
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("the header name {name:?} is not valid"))?;
        headers.insert(name.clone(), HeaderValue::from_str(&text).map_err(|_| bad(()))?);
    }
    Ok(headers)
}

/// Migrations written for the local stack call its gateway by the names it has between containers.
pub fn local_url(mut url: Url, gateway: Option<&Url>) -> Url {
    let (Some(gateway), Some(host)) = (gateway, url.host_str()) else { return url };
    let is_gateway = host == "kong" || host == "api.supabase.internal" || host.starts_with("supabase_kong_");
    if is_gateway {
        let _ = url.set_scheme(gateway.scheme());
        let _ = url.set_host(gateway.host_str());
        let _ = url.set_port(gateway.port_or_known_default());
    } else if host == "host.docker.internal" {
        let _ = url.set_host(Some("127.0.0.1"));
    }
    url
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_between_containers_are_the_gateway() {
        let gateway = Url::parse("http://127.0.0.1:54321").unwrap();
        let seen = |text| local_url(Url::parse(text).unwrap(), Some(&gateway)).to_string();
        assert_eq!(seen("http://kong:8000/functions/v1/x?a=1"), "http://127.0.0.1:54321/functions/v1/x?a=1");
        assert_eq!(seen("http://host.docker.internal:9000/x"), "http://127.0.0.1:9000/x");
        assert_eq!(seen("https://api.example.org/x"), "https://api.example.org/x");
    }
}
