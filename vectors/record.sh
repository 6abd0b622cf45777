#!/bin/sh
# Records loopback.pcap: real programs talking to each other over the loopback device of a network namespace of its own, so that
# nothing else on the machine is in it. Run as root; needs tcpdump, python3, curl, redis, dnsmasq, dig, socat and util-linux.
set -eu

if [ "${1:-}" != inside ]; then
    out=$(realpath "${1:-loopback.pcap}")
    exec unshare --net --uts -- "$(realpath "$0")" inside "$out"
fi

out=$2
hostname silico
ip link set lo up
work=$(mktemp -d)
trap 'kill $(cat "$work"/*.pid) 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

mkdir www
python3 - <<'PY'
import random
random.seed(51)
for name, size in [("one", 1), ("page", 700), ("event", 9000), ("block", 80000)]:
    open("www/" + name, "wb").write(random.randbytes(size))
open("www/runs.txt", "w").write("".join(f"run {i:04} events {i * 37 % 911}\n" for i in range(300)))
PY

tcpdump --interface lo --snapshot-length 262144 --buffer-size 16384 --relinquish-privileges root -w "$out" 2>tcpdump.log & echo $! >tcpdump.pid
until grep -q listening tcpdump.log; do sleep 0.1; done
(cd www && exec python3 -m http.server --bind 127.0.0.1 8080) >/dev/null 2>&1 & echo $! >http.pid
redis-server --bind 127.0.0.1 --port 6379 --save '' --appendonly no --dir "$work" >/dev/null & echo $! >redis.pid
dnsmasq --no-daemon --no-resolv --no-hosts --listen-address 127.0.0.1 --port 5353 --address /card.test/127.0.0.7 >/dev/null 2>&1 & echo $! >dns.pid
socat UDP4-RECVFROM:7777,bind=127.0.0.1,fork EXEC:cat & echo $! >udp.pid
socat -u -b 65507 UDP4-RECV:7779,bind=127.0.0.1 STDOUT >/dev/null & echo $! >sink.pid
socat TCP4-LISTEN:7778,bind=127.0.0.1,fork EXEC:'tr a-z A-Z' & echo $! >tcp.pid
until redis-cli -h 127.0.0.1 ping >/dev/null 2>&1 && curl -s -o /dev/null http://127.0.0.1:8080/one; do sleep 0.2; done

# HTTP: small replies, one that does not exist, and a large file in segments of 32 KiB.
curl -s http://127.0.0.1:8080/page http://127.0.0.1:8080/runs.txt http://127.0.0.1:8080/event http://127.0.0.1:8080/absent >/dev/null
curl -s http://127.0.0.1:8080/block >/dev/null

# Redis: requests one by one, and pipelined.
for i in 1 2 3 4 5 6 7 8; do redis-cli -h 127.0.0.1 set "run:$i" "$(head -c $((i * i * 9)) /dev/zero | tr '\0' "$i")" >/dev/null; done
redis-cli -h 127.0.0.1 mget run:1 run:4 run:8 run:9 >/dev/null
redis-benchmark -h 127.0.0.1 -q -n 24 -c 2 -P 4 -d 100 -t set,lpush,spop >/dev/null

# DNS over UDP.
for name in a.card.test b.card.test link.card.test unknown.test; do dig +tries=1 +time=1 @127.0.0.1 -p 5353 "$name" >/dev/null || true; done
dig +tries=1 +time=1 @127.0.0.1 -p 5353 card.test AAAA >/dev/null || true

# Datagrams of sizes around powers of two.
for size in 1 2 31 32 33 63 64 65 127 128 129 255 256 257 511 512 513 1023 1024 1025 4095 4096 4097; do
    head -c $size /dev/zero | tr '\0' x | socat -t 0.1 -b 8192 - UDP4:127.0.0.1:7777 >/dev/null
done
# One datagram as large as UDP can be: a frame of 65 549 bytes.
yes 'the largest datagram' | head -c 65507 | socat -u -b 65507 - UDP4:127.0.0.1:7779

# A line protocol over TCP.
i=0
while [ $i -lt 12 ]; do echo "event $i of run 51, trigger type $((i % 3))"; i=$((i + 1)); sleep 0.02; done | socat -t 0.3 - TCP4:127.0.0.1:7778 >/dev/null

sleep 0.5
kill -INT "$(cat tcpdump.pid)"
wait "$(cat tcpdump.pid)" || true
tail -3 tcpdump.log
ls -l "$out"
