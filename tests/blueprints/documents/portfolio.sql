-- The schema as the design document of portfolio gives it, to compare the blueprint with.
CREATE TABLE users (
  id            uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  email         text UNIQUE NOT NULL,
  username      text UNIQUE NOT NULL,
  avatar_url    text,
  google_id     text UNIQUE NOT NULL,
  tier          text NOT NULL CHECK (tier IN ('free', 'paid')),
  created_at    timestamptz DEFAULT now()
);

CREATE TABLE projects (
  id             uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  user_id        uuid REFERENCES users(id) ON DELETE CASCADE,
  title          text NOT NULL,
  short_summary  text,
  description    text,
  status         text CHECK (status IN ('draft','published','archived')),
  live_link      text,
  github_link    text,
  created_at     timestamptz DEFAULT now(),
  updated_at     timestamptz DEFAULT now()
);

CREATE TABLE project_images (
  id         uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  project_id uuid REFERENCES projects(id) ON DELETE CASCADE,
  url        text NOT NULL,
  position   int DEFAULT 0
);

CREATE TABLE project_videos (
  id         uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  project_id uuid REFERENCES projects(id) ON DELETE CASCADE,
  url        text NOT NULL,
  position   int DEFAULT 0
);

CREATE TABLE project_tags (
  project_id uuid REFERENCES projects(id) ON DELETE CASCADE,
  tag        text,
  PRIMARY KEY (project_id, tag)
);

CREATE TABLE project_technologies (
  project_id    uuid REFERENCES projects(id) ON DELETE CASCADE,
  technology    text,
  PRIMARY KEY (project_id, technology)
);

CREATE TABLE social_metrics (
  id             uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  project_id     uuid REFERENCES projects(id) ON DELETE CASCADE,
  platform       text CHECK (platform IN ('linkedin','github','twitter')),
  likes          int DEFAULT 0,
  comments       int DEFAULT 0,
  stars          int DEFAULT 0,
  forks          int DEFAULT 0,
  watchers       int DEFAULT 0,
  retweets       int DEFAULT 0,
  replies        int DEFAULT 0,
  recorded_at    date DEFAULT current_date
);

CREATE TABLE subscriptions (
  id              uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  user_id         uuid REFERENCES users(id) ON DELETE CASCADE,
  stripe_id       text UNIQUE NOT NULL,
  status          text NOT NULL,
  plan            text NOT NULL,
  current_period_end timestamptz,
  created_at      timestamptz DEFAULT now()
);

CREATE TABLE templates (
  id          uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  name        text NOT NULL,
  blocks_json jsonb NOT NULL,
  created_at  timestamptz DEFAULT now()
);

CREATE TABLE ai_sessions (
  id           uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  user_id      uuid REFERENCES users(id) ON DELETE CASCADE,
  input_json   jsonb,
  output_json  jsonb,
  created_at   timestamptz DEFAULT now()
);

CREATE TABLE notifications (
  id           uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  user_id      uuid REFERENCES users(id) ON DELETE CASCADE,
  type         text,
  sent_at      timestamptz DEFAULT now(),
  status       text
);
