#!/usr/bin/env python3
"""An executor for Starling: a telescope that only pretends. It takes what telescope.yaml
asks for, and reports an exposure with a file for each action. To run it:
    STARLING_TOKEN=$(starling token --user robot --roles executor --data DIR) python3 executor.py http://127.0.0.1:7733
"""
import datetime, hashlib, http.client, itertools, json, os, sys, time, urllib.error, urllib.request

NODE, TOKEN = sys.argv[1].rstrip("/"), os.environ["STARLING_TOKEN"]
TELESCOPE = {"name": "telescope", "kinds": ["urn:starling:executable:sequence-1.0"],
             "capacity": {"cores": 1, "memory": 1, "storage": 1, "gpus": 0},
             "holding": []}  # it does one thing at a time, so that it has none when it registers

class Refused(Exception):
    """The node has understood, and says no: the same again is useless."""

def post(path, body=None):
    """Post until there is an answer; keys make it safe to send a report twice."""
    headers = {"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"}
    request = urllib.request.Request(NODE + path, json.dumps(body).encode(), headers)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return json.loads(answer.read() or "null")  # a 204 is empty
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500 and error.code not in (408, 429):
                raise Refused(error.read().decode())
            time.sleep(1)  # the node is down or busy

def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()

def perform(despatch):
    """Make one attempt and complete it, whether it comes to its end or is stopped."""
    ref, fence, keys = "/history/" + despatch["historyRef"], despatch["fence"], itertools.count(1)
    def report(kind, wait=0.0, **event):  # returns the order to stop, if there is one
        event.update(type=kind, key=f"update-{next(keys)}", time=now())
        return post(f"{ref}/updates?wait={int(wait * 1000)}ms", {"fence": fence, "updates": [event]}).get("stop")
    stop, files, begin = None, [], time.monotonic()
    for action in [a for a in despatch["sequence"] if "value" in a]:  # as the user wrote them
        stop, start, end = report("action-started", action=action["id"]), now(), time.monotonic() + action["value"]["seconds"]
        while not stop and time.monotonic() < end:  # the answer is held back, but for an order
            stop = report("heartbeat", wait=end - time.monotonic())
        if stop:
            break
        n, image = len(files) + 1, json.dumps(action["value"]).encode()
        files.append({"name": f"{n}.fits", "bytes": len(image), "sha256": hashlib.sha256(image).hexdigest()})
        report("exposure", action=action["id"], exposure={"id": f"E{n}", "start": start, "end": now(), "files": files[-1:]})
        stop = report("action-completed", action=action["id"])
    ending = {"outcome": "ABANDONED", "failure": {"code": 1, "message": stop["reason"]}} if stop else {"outcome": "COMPLETED"}
    used = [{"name": "telescope-time", "amount": f"{time.monotonic() - begin:.3f}", "unit": "s"}]
    post(ref + "/completion", {"fence": fence, "key": "end", "time": now(), "files": files, "resources": used, **ending})

while True:
    try:  # registering each time keeps it registered
        me = post("/executors", TELESCOPE)["uuid"]
        if despatch := post(f"/executors/{me}/despatch?wait=20s"):
            perform(despatch)
    except Refused as refused:  # a bad token, a lease that was lost, a node that has forgotten us
        print(refused, file=sys.stderr)
        time.sleep(1)
