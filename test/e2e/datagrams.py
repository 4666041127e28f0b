# Prints what comes to a Unix datagram socket, as systemd reads it: a JSON line with the sender's process id and the text.
import json, socket, struct, sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
name = sys.argv[1]
receiver.bind("\0" + name[1:] if name.startswith("@") else name)
print(json.dumps({"text": "bound"}), flush=True)
while True:
    data, ancillary, _, _ = receiver.recvmsg(65536, socket.CMSG_SPACE(12))
    pid = struct.unpack("3i", ancillary[0][2])[0]
    print(json.dumps({"pid": pid, "text": data.decode()}), flush=True)
