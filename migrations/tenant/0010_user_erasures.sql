-- The erasures of users that are not complete. The statement that deletes the user inserts the row, and the statement
-- that records the receipt deletes it. So an interrupted erasure leaves a trace, which `tenantctl repair` finds.
CREATE TABLE tenancy.user_erasures (
    user_id uuid PRIMARY KEY,
    -- The values that identify the person in other places: `email`, `names`, `addresses`, `sessions`.
    person jsonb NOT NULL CHECK (jsonb_typeof(person) = 'object'),
    -- The numbers of removed objects so far.
    removed jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(removed) = 'object'),
    begun_at timestamptz NOT NULL DEFAULT now()
);
