"""Reads event streams with a PyPI package: httpx-sse or sseclient-py, as the argument says.

In: one JSON line a stream, an array of chunks in hex. Out: one JSON line a stream, an array of events.
"""

import json
import sys


def httpx_sse(chunks):
    import httpx
    from httpx_sse import EventSource

    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(chunks))
    return EventSource(response).iter_sse()


def sseclient_py(chunks):
    from sseclient import SSEClient

    return SSEClient(iter(chunks)).events()


def seen(event):
    # sseclient-py hands on whatever the field held, also what is no number.
    retry = int(event.retry) if str(event.retry).isdecimal() else None
    return {"event": event.event, "data": event.data, "id": event.id, "retry": retry}


read = {"httpx-sse": httpx_sse, "sseclient-py": sseclient_py}[sys.argv[1]]
for line in sys.stdin:
    chunks = [bytes.fromhex(chunk) for chunk in json.loads(line)]
    print(json.dumps([seen(event) for event in read(chunks)]))
