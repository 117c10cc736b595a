drop trigger audit_logs_append_only on public.audit_logs;
