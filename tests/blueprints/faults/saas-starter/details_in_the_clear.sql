do $$
begin
  execute replace(pg_get_functiondef('private.set_my_details'::regproc), 'extensions.pgp_sym_encrypt(p_tax_id, key, ''cipher-algo=aes256'')', 'convert_to(p_tax_id, ''utf8'')');
  execute replace(pg_get_functiondef('private.read_details'::regproc), 'extensions.pgp_sym_decrypt(d.tax_id, k.key)', 'convert_from(d.tax_id, ''utf8'')');
end $$;
