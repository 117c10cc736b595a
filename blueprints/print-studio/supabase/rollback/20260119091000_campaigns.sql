drop function public.record_email_event(text, text, timestamptz);
drop function public.campaign_recipient_sent(uuid, uuid, text, boolean);
drop function public.claim_campaign_recipients(uuid, integer, integer);
drop function public.start_campaign(uuid);
drop function private.record_email_event(text, text, timestamptz);
drop function private.recipient_sent(uuid, uuid, text, boolean);
drop function private.claim_recipients(uuid, integer, interval);
drop function private.start_campaign(uuid);
drop table private.campaign_recipients;
