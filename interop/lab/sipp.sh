#!/bin/bash
# sipp.sh uac NAME HOST:PORT [sipp options]  run client scenario NAME once
# sipp.sh uas NAME [PORT] [sipp options]     run server scenario NAME for one call, then end
# sipp.sh pair UAC UAS [sipp options]        run the two against each other
# sipp.sh proof [PATTERN]                    run every pair of sipp/pairs.txt
# sipp.sh list                               name the scenarios
#
# Exit status 0: the scenario went as written.  On failure the messages sipp
# saw are shown (and kept in $LAB_SIPP_DIR, by default $LAB_DIR/sipp).
#
# From the environment: LAB_SIPP_T (u1, t1: transport), LAB_SIPP_TIMEOUT
# (seconds), LAB_SIPP_UAC_PORT, LAB_SIPP_UAS_PORT, LAB_SIPP_CALLS,
# LAB_SIPP_USER/LAB_SIPP_PASSWORD (digest), LAB_SIPP_CALLEE (-s),
# LAB_SIPP_DOMAIN, LAB_SIPP_CONTACT, LAB_SIPP_EXPIRES, LAB_SIPP_TRANSFER_TO,
# LAB_SIPP_TARGET and LAB_SIPP_HEADER (uac_proxy), LAB_SIPP_DIR (logs).
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
S=$LAB_HOME/sipp
: "${LAB_SIPP_UAC_PORT:=6060}" "${LAB_SIPP_UAS_PORT:=6070}"
media() { echo $(($1 * 4 % 40000 + 10000)); }   # RTP port from SIP port; sipp always binds it
: "${LAB_SIPP_T:=u1}" "${LAB_SIPP_TIMEOUT:=30}" "${LAB_SIPP_CALLS:=1}"
: "${LAB_SIPP_USER:=alice}" "${LAB_SIPP_PASSWORD:=$LAB_ALICE_PASSWORD}" "${LAB_SIPP_CALLEE:=service}"
: "${LAB_SIPP_DOMAIN:=$LAB_DOMAIN}" "${LAB_SIPP_CONTACT:=$LAB_IP:$LAB_SIPP_UAS_PORT}" "${LAB_SIPP_EXPIRES:=60}"
: "${LAB_SIPP_TARGET:=$LAB_IP:$LAB_UAS_PORT}" "${LAB_SIPP_HEADER:=X-Lab-Note: none}"
: "${LAB_SIPP_TRANSFER_TO:=target@$LAB_IP:$LAB_SIPP_UAS_PORT}"
export TERM=vt100

# run SIDE NAME PORT [sipp arguments]
run() {
  local side=$1 name=$2 port=$3 nr= d log rc mp; shift 3
  mp=$(media "$port")
  [ -f "$S/$name.xml" ] || lab_die "no scenario $name (sipp.sh list)"
  grep -qi 'run with -nr' "$S/$name.xml" && nr=-nr
  d=$LAB_SIPP_DIR; mkdir -p "$d"
  log=$d/$name.$side
  ( cd "$d" && exec timeout --foreground -k 2 $((LAB_SIPP_TIMEOUT + 5)) sipp -sf "$S/$name.xml" -i "$LAB_IP" -p "$port" \
      -mi "$LAB_IP" -mp "$mp" -t "$LAB_SIPP_T" -m "$LAB_SIPP_CALLS" -nostdin $nr \
      -timeout "${LAB_SIPP_TIMEOUT}s" -timeout_error -recv_timeout 12000 \
      -s "$LAB_SIPP_CALLEE" -au "$LAB_SIPP_USER" -ap "$LAB_SIPP_PASSWORD" \
      -key from_user "$LAB_SIPP_USER" -key domain "$LAB_SIPP_DOMAIN" -key contact "$LAB_SIPP_CONTACT" \
      -key expires "$LAB_SIPP_EXPIRES" -key transfer_to "$LAB_SIPP_TRANSFER_TO" \
      -key target "$LAB_SIPP_TARGET" -key lab_header "$LAB_SIPP_HEADER" \
      -trace_err -error_file "$log.err" -trace_msg -message_file "$log.msg" \
      "$@" ) > "$log.out" 2>&1 < /dev/null
  rc=$?
  if [ $rc != 0 ]; then
    lab_log "$name ($side): exit $rc; $log.msg"
    { tail -n 6 "$log.err" 2>/dev/null; [ -n "${LAB_SIPP_VERBOSE:-}" ] && cat "$log.msg"; } >&2
  fi
  return $rc
}
fresh() { rm -f "$LAB_SIPP_DIR/$1.$2".*; }
waitport() { # until the server side listens
  local i p=udp; case $LAB_SIPP_T in t*) p=tcp;; esac
  for i in $(seq 60); do lab_bound $p "$LAB_IP" "$1" && return 0; sleep 0.05; done
  lab_log "uas does not listen on $1"; return 1
}
pair() {
  local c=$1 s=$2 rc=0 job; shift 2
  fresh "$c" uac; fresh "$s" uas
  run uas "$s" "$LAB_SIPP_UAS_PORT" "$@" & job=$!
  if waitport "$LAB_SIPP_UAS_PORT"; then
    run uac "$c" "$LAB_SIPP_UAC_PORT" "$@" "$LAB_IP:$LAB_SIPP_UAS_PORT" || rc=1
    # A client that failed leaves the server waiting: give it little time.
    if [ $rc != 0 ]; then ( sleep 3; kill -0 $job 2>/dev/null && kill $job ) 2>/dev/null & fi
  else rc=1; kill $job 2>/dev/null; fi
  wait $job || rc=1
  return $rc
}

cmd=${1:-}; [ $# -gt 0 ] && shift
lab_init
: "${LAB_SIPP_DIR:=$LAB_DIR/sipp}"
case $cmd in
list)
  for f in "$S"/*.xml; do printf '%-24s %s\n' "$(basename "$f" .xml)" "$(sed -n 's/^<scenario name="\(.*\)">.*/\1/p' "$f")"; done ;;
uac)
  [ $# -ge 2 ] || lab_die "sipp.sh uac NAME HOST:PORT"
  n=$1 t=$2; shift 2; fresh "$n" uac
  run uac "$n" "$LAB_SIPP_UAC_PORT" "$@" "$t" ;;
uas)
  [ $# -ge 1 ] || lab_die "sipp.sh uas NAME [PORT]"
  n=$1; shift; p=$LAB_SIPP_UAS_PORT
  case ${1:-} in [0-9]*) p=$1; shift;; esac
  fresh "$n" uas
  run uas "$n" "$p" "$@" ;;
pair)
  [ $# -ge 2 ] || lab_die "sipp.sh pair UAC UAS"
  pair "$@" ;;
proof)
  ok=0 bad=0 pat=${1:-.}
  while read -r c s t _; do
    case $c in ''|\#*) continue;; esac
    echo "$c $s" | grep -qE "$pat" || continue
    if LAB_SIPP_T=${t:-u1} pair "$c" "$s"; then echo "PASS sipp $c <> $s ${t:-u1}"; ok=$((ok + 1))
    else echo "FAIL sipp $c <> $s ${t:-u1}"; bad=$((bad + 1)); fi
  done < "$S/pairs.txt"
  echo "$ok passed, $bad failed"
  [ $bad = 0 ] ;;
*) sed -n '2,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
