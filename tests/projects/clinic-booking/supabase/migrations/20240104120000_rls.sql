alter table public.profiles enable row level security;
alter table public.clinics enable row level security;
alter table public.clinic_staff enable row level security;
alter table public.appointments enable row level security;

-- avoids recursion: reads clinic_staff above row level security
create or replace function public.is_staff(clinic uuid, roles public.staff_role[] default null)
returns boolean
language sql stable security definer
set search_path = public
as $$
  select exists (
    select 1 from clinic_staff
    where clinic_id = clinic
      and user_id = (select auth.uid())
      and (roles is null or role = any (roles))
  );
$$;

create policy "Profiles are visible to their owner." on profiles for select using (auth.uid() = id);
create policy "Staff see profiles of their patients" on profiles for select to authenticated using (
  exists (select 1 from appointments a where a.patient_id = profiles.id and is_staff(a.clinic_id))
);
create policy "Users can update own profile." on profiles for update using ((select auth.uid()) = id) with check ((select auth.uid()) = id);

create policy "clinics are public" on clinics for select to anon, authenticated using (true);
create policy "owners change their clinic" on clinics for update to authenticated
  using (is_staff(id, array['owner']::staff_role[]));

create policy "staff sees staff" on clinic_staff for select to authenticated using (is_staff(clinic_id));
create policy "owners manage staff" on clinic_staff for all to authenticated
  using (is_staff(clinic_id, '{owner}')) with check (is_staff(clinic_id, '{owner}'));

create policy "patients see their appointments" on appointments for select to authenticated using (patient_id = (select auth.uid()));
create policy "patients book for themselves" on appointments for insert to authenticated with check (
  patient_id = (select auth.uid()) and (select auth.jwt() ->> 'aal') is not null
);
create policy "staff does everything" on appointments to authenticated using (is_staff(clinic_id)) with check (is_staff(clinic_id));
create policy "service role" on appointments as permissive for all to service_role using (true);
