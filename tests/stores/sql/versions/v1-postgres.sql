-- The table as the first version made it, and an event of each state.
CREATE TABLE IF NOT EXISTS "countersign" (
    key uuid PRIMARY KEY,
    owner uuid NOT NULL,
    done boolean NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS "countersign_expires_at" ON "countersign" (expires_at);
INSERT INTO "countersign" VALUES
    ('11111111-1111-1111-1111-111111111111', '99999999-9999-9999-9999-999999999999', true, now() + interval '1 day'),
    ('22222222-2222-2222-2222-222222222222', '99999999-9999-9999-9999-999999999999', false, now() + interval '1 hour'),
    ('33333333-3333-3333-3333-333333333333', '00000000-0000-0000-0000-000000000000', false, now() + interval '5 minutes'),
    ('44444444-4444-4444-4444-444444444444', '99999999-9999-9999-9999-999999999999', true, now() - interval '1 second');
