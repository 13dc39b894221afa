"""How fanout connects to Postgres: no statement is cut short by a default, and a dead path is noticed."""

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from contract import path_patience

CONNECT_TIMEOUT_S = 5
_PATIENCE = {"connect_timeout": CONNECT_TIMEOUT_S, **path_patience.LIBPQ}


def conninfo(url: str, name: str, *settings: str, **parameters: str) -> str:
    """The connection string of `url` for this application name, with server settings (`a=b`) and libpq parameters.

    A recount takes as long as it takes, so a statement_timeout of the database or of the role is switched off here.
    """
    options = [
        str(conninfo_to_dict(url).get("options", "")),
        *(f"-c {each}" for each in ("statement_timeout=0", *settings)),
    ]
    return make_conninfo(url, application_name=name, options=" ".join(options).strip(), **_PATIENCE, **parameters)
