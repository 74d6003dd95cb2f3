"""The settings of a store in the shape that all services share: version, saved_at, saved_by."""

from alembic import op

revision = "0006"
down_revision = "0005"

COMMENT = "Every version of a store's settings; the highest is in force, none means the defaults."
BEFORE = "Every version of a store's note settings; the highest is in force, none means the defaults."


def upgrade() -> None:
    op.execute("alter table notes.settings rename column changed_at to saved_at")
    op.execute("alter table notes.settings alter column version type bigint, add column saved_by jsonb")
    op.execute("update notes.settings set saved_by = jsonb_build_object('role', by_role, 'id', by_id, 'via', by_via)")
    op.execute("""
        alter table notes.settings alter column saved_by set not null, add constraint ck_settings_version check (version >= 1),
            drop column by_role, drop column by_id, drop column by_via""")
    op.create_table_comment("settings", COMMENT, schema="notes")


def downgrade() -> None:
    op.execute("alter table notes.settings rename column saved_at to changed_at")
    op.execute("""
        alter table notes.settings drop constraint ck_settings_version, alter column version type integer,
            add column by_role text, add column by_id text, add column by_via text""")
    op.execute("update notes.settings set by_role = saved_by ->> 'role', by_id = saved_by ->> 'id', by_via = saved_by ->> 'via'")
    op.execute("""
        alter table notes.settings alter column by_role set not null, alter column by_id set not null, drop column saved_by""")
    op.create_table_comment("settings", BEFORE, schema="notes")
