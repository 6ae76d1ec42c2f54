"""Print what a school's events say: python follow.py http://dashboard:8080 TOKEN s001 [KIND …]."""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

address, token, school, *types = sys.argv[1:]
query = urllib.parse.urlencode({"school": school, "type": types}, doseq=True)
headers = {"Authorization": f"Bearer {token}"}
while True:
    request = urllib.request.Request(f"{address}/api/events?{query}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as lines:
            for line in lines:
                field, _, value = line.decode().strip().partition(": ")
                if field == "id":
                    headers["Last-Event-ID"] = value  # keep it on disk, and nothing is missed
                if field == "data":
                    event = json.loads(value)
                    print(event["time"], event["type"], event["data"])
    except urllib.error.HTTPError as refused:
        sys.exit(refused.read().decode())
    except OSError:
        time.sleep(1)  # come back with the last id
