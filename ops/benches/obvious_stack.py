"""What most would write first: a plain framework, one INSERT, one HINCRBY and one PUBLISH a vote. For the http bench.

Environment: DATABASE_URL, REDIS_URL, JWKS (the text of a key set), PORT.
"""

import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

import asyncpg
import jwt
import redis.asyncio
import uvicorn
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

TABLE = """CREATE TABLE IF NOT EXISTS obvious_votes (
    vote_id uuid PRIMARY KEY, event_id uuid NOT NULL, user_id uuid NOT NULL, contestant_id uuid NOT NULL,
    voted_at timestamptz NOT NULL DEFAULT now(), UNIQUE (event_id, user_id))"""
INSERT = "INSERT INTO obvious_votes (vote_id, event_id, user_id, contestant_id) VALUES ($1, $2, $3, $4)"
POOL = 20


class Meta(BaseModel):
    """What the client tells of itself."""

    device_id: str | None = None
    app_version: str | None = None


class Vote(BaseModel):
    """A vote as a client sends it."""

    user_id: uuid.UUID
    event_id: uuid.UUID
    contestant_id: uuid.UUID
    client_timestamp: datetime | None = None
    meta: Meta | None = None


def make_app() -> FastAPI:
    """The application; opens its connections when it starts."""
    keys = {key.key_id: key.key for key in jwt.PyJWKSet.from_dict(json.loads(os.environ["JWKS"])).keys}
    held: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        held["pool"] = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=POOL, max_size=POOL)
        held["redis"] = redis.asyncio.from_url(os.environ["REDIS_URL"])
        await held["pool"].execute(TABLE)
        yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/vote/submit")
    async def submit(vote: Vote, authorization: Annotated[str, Header()]) -> dict[str, str]:
        token = authorization.removeprefix("Bearer ")
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=["RS256"], audience="vote", issuer="vote")
        if claims["sub"] != str(vote.user_id):
            raise HTTPException(403)
        vote_id = uuid.uuid4()
        await held["pool"].execute(INSERT, vote_id, vote.event_id, vote.user_id, vote.contestant_id)
        total = await held["redis"].hincrby(f"tally:{vote.event_id}", str(vote.contestant_id), 1)
        await held["redis"].publish(
            f"event:{vote.event_id}", json.dumps({"contestant_id": str(vote.contestant_id), "total": total})
        )
        return {"vote_id": str(vote_id), "vote_status": "acked"}

    return app


if __name__ == "__main__":
    uvicorn.run(make_app(), host="127.0.0.1", port=int(os.environ["PORT"]), log_level="info", access_log=False)
