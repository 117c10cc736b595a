-- The document's indexes and triggers; below them, an index for each foreign key that it left without.

create index idx_profiles_email on public.profiles(email);
create index idx_profiles_subscription_status on public.profiles(subscription_status);
create index idx_profiles_created_at on public.profiles(created_at);

create index idx_images_user_id on public.images(user_id);
create index idx_images_processing_status on public.images(processing_status);
create index idx_images_created_at on public.images(created_at);
create index idx_images_expires_at on public.images(expires_at);

create index idx_credit_transactions_user_id on public.credit_transactions(user_id);
create index idx_credit_transactions_created_at on public.credit_transactions(created_at);
create index idx_credit_transactions_transaction_type on public.credit_transactions(transaction_type);

create index idx_image_operations_image_id on public.image_operations(image_id);
create index idx_image_operations_status on public.image_operations(status);
create index idx_image_operations_created_at on public.image_operations(created_at);

create index idx_api_usage_logs_user_id on public.api_usage_logs(user_id);
create index idx_api_usage_logs_created_at on public.api_usage_logs(created_at);
create index idx_api_usage_logs_api_provider on public.api_usage_logs(api_provider);

create index idx_credit_transactions_subscription_plan_id on public.credit_transactions(subscription_plan_id);
create index idx_credit_transactions_package_id on public.credit_transactions(pay_as_you_go_package_id);
create index idx_credit_transactions_open_lots on public.credit_transactions(user_id, expires_at, created_at) where remaining > 0;
create index idx_subscription_history_user_id on public.subscription_history(user_id, started_at desc);
create index idx_subscription_history_plan_id on public.subscription_history(subscription_plan_id);
create index idx_image_collections_user_id on public.image_collections(user_id);
create index idx_image_collections_public on public.image_collections(id) where is_public;
create index idx_image_collection_items_image_id on public.image_collection_items(image_id);
create index idx_admin_logs_admin_user_id on public.admin_logs(admin_user_id, created_at desc);
create index idx_system_metrics_name on public.system_metrics(metric_name, recorded_at desc);
create index idx_user_activity_logs_user_id on public.user_activity_logs(user_id, created_at desc);
create index idx_email_campaigns_template_id on public.email_campaigns(template_id);
create index idx_email_campaigns_due on public.email_campaigns(scheduled_at) where status in ('scheduled', 'sending');
create index idx_email_logs_user_id on public.email_logs(user_id);
create index idx_email_logs_template_id on public.email_logs(template_id);
create index idx_email_logs_campaign_id on public.email_logs(campaign_id, status);
create index idx_email_logs_message_id on public.email_logs(sendgrid_message_id);

create or replace function public.update_updated_at_column()
returns trigger language plpgsql set search_path = '' as $$
begin
    new.updated_at = now();
    return new;
end;
$$;
revoke all on function public.update_updated_at_column() from public, anon, authenticated, service_role;

create trigger update_profiles_updated_at
    before update on public.profiles
    for each row execute function public.update_updated_at_column();
create trigger update_images_updated_at
    before update on public.images
    for each row execute function public.update_updated_at_column();
create trigger update_subscription_plans_updated_at
    before update on public.subscription_plans
    for each row execute function public.update_updated_at_column();
create trigger update_pay_as_you_go_packages_updated_at
    before update on public.pay_as_you_go_packages
    for each row execute function public.update_updated_at_column();
create trigger update_email_templates_updated_at
    before update on public.email_templates
    for each row execute function public.update_updated_at_column();
-- image_collections has the column too; the document forgot its trigger.
create trigger update_image_collections_updated_at
    before update on public.image_collections
    for each row execute function public.update_updated_at_column();
