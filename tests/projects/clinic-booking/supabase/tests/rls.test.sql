begin;
create extension if not exists pgtap with schema extensions;
select plan(3);

select has_table('public', 'appointments', 'appointments exist');
select policies_are('public', 'clinics', array['clinics are public', 'owners change their clinic']);

set local role authenticated;
set local request.jwt.claims to '{"sub": "d0c70000-0000-4000-8000-000000000001", "role": "authenticated"}';
select results_eq('select count(*) from public.appointments', array[3::bigint], 'the doctor sees the clinic''s appointments');

select * from finish();
rollback;
