"""The environment laid over the settings file: it wins, and every value says which variable gave it."""

import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from tocsin.config import names
from tocsin.config.given import Given, shown

NODE_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?"


def given(environ: Mapping[str, str], name: str) -> Given | None:
    """A variable that is set to something."""
    value = environ.get(name, "").strip()
    return Given(value, f"environment {name}") if value else None


def overlay(settings: Given, environ: Mapping[str, str]) -> Given:
    """The settings with TOCSIN_STATE, REMOTE_SMTP_IP, REMOTE_SMTP_PORT and TOCSIN_EMAIL_TO in their places."""
    top = dict(settings.value) if isinstance(settings.value, dict) else {}
    state = given(environ, "TOCSIN_STATE")
    if state:
        top["state"] = state._replace(path="state")
    email = {key: value for key, value in (("server", _server(environ)), ("to", _recipients(environ))) if value}
    listed = top.get("receivers", Given([], settings.origin, "receivers"))
    if email and isinstance(listed.value, list):
        if not listed.value and len(email) == 2:
            listed = listed._replace(value=[_empty(email["server"])])
        top["receivers"] = listed._replace(value=[_told(one, email) for one in listed.value])
    return settings._replace(value=top)


def _empty(server: Given) -> Given:
    place = Given({}, server.origin, "receivers[0]")
    return place._replace(value={"email": place._replace(path=place.below("email"))})


def _told(receiver: Given, told: Mapping[str, Given]) -> Given:
    """A receiver with the environment's keys in place of its own. What is no e-mail receiver stays as it is."""
    kinds = receiver.value
    email = kinds.get("email") if isinstance(kinds, dict) else None
    if not isinstance(kinds, dict) or not email or not isinstance(email.value, dict):
        return receiver
    keys = dict(email.value)
    server = told.get("server")
    if server and "server" not in keys:  # as the shell script did, which knew nothing else
        keys.setdefault("security", Given("none", server.origin, email.below("security")))
    for key, value in told.items():
        keys[key] = _moved(value, email.below(key))
    return receiver._replace(value={**kinds, "email": email._replace(value=keys)})


def _moved(value: Given, path: str) -> Given:
    if isinstance(value.value, list):
        below = [_moved(one, f"{path}[{index}]") for index, one in enumerate(value.value)]
        return value._replace(value=below, path=path)
    return value._replace(path=path)


def _server(environ: Mapping[str, str]) -> Given | None:
    host, port = given(environ, "REMOTE_SMTP_IP"), given(environ, "REMOTE_SMTP_PORT")
    if not host:
        if port:
            raise port.wrong("set without REMOTE_SMTP_IP", hint="set both, or none")
        return None
    entry = names.server(host)
    if not port:
        return host._replace(value=entry)
    number = str(port.value)
    if not re.fullmatch(r"\d{1,5}", number, re.ASCII) or not 1 <= int(number) <= 65535:
        raise port.wrong(f"{shown(number)!r} is no port", hint="write a number from 1 to 65535")
    if names.with_port(entry, int(number)) == entry:
        raise port.wrong(f"REMOTE_SMTP_IP names a port already: {entry}", hint="leave one of them out")
    return host._replace(value=names.with_port(entry, int(number)))


def _recipients(environ: Mapping[str, str]) -> Given | None:
    to = given(environ, "TOCSIN_EMAIL_TO")
    if not to:
        return None
    several = [to._replace(value=one) for one in re.split(r"[\s,]+", str(to.value)) if one]
    return to._replace(value=several) if several else None


def node_leaves(environ: Mapping[str, str]) -> Iterator[Given]:
    """What the environment says of the node, which no settings file can."""
    for path, name in (("node", "NODE_NAME"), ("node_ip", "NODE_IP")):
        value = given(environ, name)
        if value:
            yield value._replace(path=path)


def node(environ: Mapping[str, str]) -> str:
    """The node's name: NODE_NAME, else this machine's, in letters that a mail's header can take."""
    name = given(environ, "NODE_NAME")
    if not name:
        own = re.sub(r"[^A-Za-z0-9._-]", "-", os.uname().nodename).strip("._-")
        return own or "localhost"
    if not re.fullmatch(NODE_NAME, str(name.value)):
        raise name.wrong(f"{shown(str(name.value))!r} is no name of a node", hint="use letters, digits, dots and -")
    return str(name.value)


def node_ip(environ: Mapping[str, str]) -> str:
    """The node's address: NODE_IP, or nothing."""
    address = given(environ, "NODE_IP")
    if not address:
        return ""
    try:
        return str(ip_address(str(address.value)))
    except ValueError as error:
        raise address.wrong(f"{shown(str(address.value))!r} is no address") from error
