create policy "members read attachments" on storage.objects for select to authenticated using (
  bucket_id = 'attachments' and private.is_member(((storage.foldername(name))[1])::uuid));
create policy "members attach" on storage.objects for insert to authenticated with check (
  bucket_id = 'attachments' and owner_id = (select auth.uid()::text) and private.is_member(((storage.foldername(name))[1])::uuid)
  and (storage.foldername(name))[2] is not null);
create policy "own attachments go" on storage.objects for delete to authenticated using (owner_id = (select auth.jwt() ->> 'sub'));
create policy "buckets of the team" on storage.buckets for select to authenticated using (id in ('attachments', 'public-files'));

create table private.attachment_log (id uuid primary key default gen_random_uuid(), object text, at timestamptz default now());
create function private.log_attachment() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into private.attachment_log (object) values (new.bucket_id || '/' || new.name);
  return new;
end $$;
create trigger log_attachment after insert on storage.objects for each row when (new.bucket_id = 'attachments')
  execute function private.log_attachment();
