-- The ciphertext goes with its key. The vault itself stays: it may keep other secrets.
drop function public.set_my_details(text, text, text);
drop function public.my_details();
drop function private.set_my_details(text, text, text);
drop function private.my_details();
drop function private.read_details(uuid);
drop table private.details;
drop function private.details_key();
drop table private.keys;
do $$
begin
  if to_regclass('vault.secrets') is not null then
    delete from vault.secrets where name = 'saas_starter_details';
  end if;
end $$;
