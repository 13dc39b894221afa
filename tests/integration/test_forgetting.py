"""People who weren't here for long are forgotten: which of them, and whose tokens are refused for it."""

import psycopg


def test_whoever_may_have_a_token_is_revoked(people: psycopg.Connection) -> None:
    """One with a session, just ended or not, is listed for a week however they go, and so is a guest of an operator."""
    people.execute(
        "INSERT INTO identity.users (username, email, voter_seed, created_at)"
        " SELECT name, email, sha256(name::bytea), now() - interval '3 years'"
        " FROM (VALUES ('here', 'a@example.org'), ('ended', 'b@example.org'), ('gone', 'c@example.org'),"
        " ('guest', NULL)) AS given (name, email)"
    )
    people.execute(
        "INSERT INTO identity.sessions (user_id, expires_at, rotated_at, current_hash)"
        " SELECT user_id, now() + age::interval, now() - interval '10 minutes', sha256(username::bytea)"
        " FROM identity.users JOIN (VALUES ('here', '1 day'), ('ended', '-1 second')) AS given (name, age)"
        " ON username = name"
    )
    assert people.execute("SELECT identity.forget(now())").fetchone() == (1,)  # 'gone': others were here in this hour
    erased = {name: user_id for user_id, name in people.execute("SELECT user_id, username FROM identity.users")}
    assert erased.keys() == {"here", "ended", "guest"}
    people.execute("DELETE FROM identity.users")
    listed = people.execute(
        "SELECT revoked_id FROM identity.revocations WHERE expires_at > now() + interval '6 days'"
    ).fetchall()
    assert {user_id for (user_id,) in listed} == set(erased.values())


def test_old_people_are_looked_at_in_turn(people: psycopg.Connection) -> None:
    """A call looks at ten thousand old accounts, the next one at those after them: so each is found."""
    people.execute(
        "INSERT INTO identity.users (username, email, voter_seed, created_at)"
        " SELECT 'old-' || n, n || '@old.example.org', sha256(n::text::bytea),"
        " now() - interval '3 years' + n * interval '1 s'"
        " FROM generate_series(1, 10100) AS n"
    )
    people.execute(
        "INSERT INTO identity.sessions (user_id, expires_at, current_hash)"
        " SELECT user_id, now() + interval '1 day', sha256(username::bytea) FROM identity.users"
        " WHERE username LIKE 'old-%' AND username NOT IN ('old-5', 'old-10005')"
    )
    forgotten = "SELECT identity.forget(now() - interval '1 year')"
    assert [people.execute(forgotten).fetchone() for _ in range(3)] == [(1,), (1,), (0,)]
    left = people.execute("SELECT count(*) FROM identity.users WHERE username LIKE 'old-%'").fetchone()
    assert left == (10098,)
