//! Listener, gateway, middleware.
