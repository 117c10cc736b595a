alter view public.test_table_with_users set (security_invoker = false);
