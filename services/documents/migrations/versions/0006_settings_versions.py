"""The settings of a store in the shape that all services share: the highest version is in force, and `saved_by` has its parts."""

from alembic import op

revision = "0006"
down_revision = "0005"

COMMENT = "Every version of a store's settings; the highest is in force, none means the defaults."
SAVED_BY = "jsonb_build_object('role', split_part(saved_by, ':', 1), 'id', substr(saved_by, strpos(saved_by, ':') + 1), 'via', null)"


def upgrade() -> None:
    op.execute(f"""
        alter table documents.settings alter column saved_by type jsonb using {SAVED_BY},
            add constraint ck_settings_version check (version >= 1)""")
    op.execute("alter table documents.stores drop column settings_version")
    op.create_table_comment("settings", COMMENT, schema="documents")


def downgrade() -> None:
    op.execute("alter table documents.stores add column settings_version bigint not null default 0")
    op.execute("""
        insert into documents.stores (store_id, settings_version) select store_id, max(version) from documents.settings group by 1
        on conflict (store_id) do update set settings_version = excluded.settings_version""")
    op.execute("""
        alter table documents.settings drop constraint ck_settings_version,
            alter column saved_by type text using (saved_by ->> 'role') || ':' || (saved_by ->> 'id')""")
    op.drop_table_comment("settings", schema="documents")
