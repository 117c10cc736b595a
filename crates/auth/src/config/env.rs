/// Why the variables cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EnvError(pub String);
