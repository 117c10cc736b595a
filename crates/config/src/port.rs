use crate::ProjectConfig;

impl ProjectConfig {
    /// Another port for the listener, given at start (`--port`). URLs that were made from the old port follow; those that the
    /// project names itself stay.
    pub fn listen_on(&mut self, port: u16) {
        let old = |scheme: &str| format!("{scheme}://127.0.0.1:{}", self.api.port);
        for (from, to) in ["http", "https"].map(|scheme| (old(scheme), format!("{scheme}://127.0.0.1:{port}"))) {
            for url in [&mut self.api.external_url, &mut self.auth.external_url, &mut self.auth.jwt_issuer] {
                if let Some(rest) = url.strip_prefix(&from).filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                    *url = format!("{to}{rest}");
                }
            }
        }
        self.api.port = port;
    }

    /// HTTPS on the listener, given at start (`--tls-cert`). URLs that were made from the port follow; those that the project names
    /// itself stay.
    pub fn serve_https(&mut self) {
        let plain = format!("http://127.0.0.1:{}", self.api.port);
        for url in [&mut self.api.external_url, &mut self.auth.external_url, &mut self.auth.jwt_issuer] {
            if let Some(rest) = url.strip_prefix(&plain).filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                *url = format!("https://127.0.0.1:{}{rest}", self.api.port);
            }
        }
        self.api.tls.enabled = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_made_from_the_port_follow_it_and_others_stay() {
        let mut config = ProjectConfig::default();
        config.api.external_url = "http://127.0.0.1:54321".into();
        config.auth.external_url = "http://127.0.0.1:54321/auth/v1".into();
        config.auth.jwt_issuer = "https://id.example.org".into();
        config.listen_on(8000);
        assert_eq!(config.api.external_url, "http://127.0.0.1:8000");
        assert_eq!(config.auth.external_url, "http://127.0.0.1:8000/auth/v1");
        assert_eq!((config.auth.jwt_issuer.as_str(), config.api.port), ("https://id.example.org", 8000));
        config.serve_https();
        assert_eq!(config.api.external_url, "https://127.0.0.1:8000");
        assert_eq!(config.auth.external_url, "https://127.0.0.1:8000/auth/v1");
    }
}
