#include "tests/support/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/support/certificates.h"
#include "tests/support/wait.h"

namespace prismatic::testing {
namespace {

// Somebody else may take a port between our look and the server's bind.
constexpr int kLaunchesMax = 20;

[[noreturn]] void Die(absl::string_view what) {
  std::fprintf(stderr, "RedisServer: %s\n", std::string(what).c_str());
  std::abort();
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

// Two ports that are free now; both are held until both are known.
std::pair<int, int> FreePorts() {
  int ports[2];
  int fds[2];
  for (int i = 0; i < 2; ++i) {
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    if (bind(fds[i], reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        getsockname(fds[i], reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      Die("no free port");
    }
    ports[i] = ntohs(address.sin_port);
  }
  for (int fd : fds) close(fd);
  return {ports[0], ports[1]};
}

std::string Format(const std::vector<std::string>& words) {
  std::string bytes = absl::StrCat("*", words.size(), "\r\n");
  for (const std::string& word : words) absl::StrAppend(&bytes, "$", word.size(), "\r\n", word, "\r\n");
  return bytes;
}

// Whether `answer` is one whole RESP value of a simple kind; arrays are whole when something came.
bool Complete(const std::string& answer) {
  size_t line = answer.find("\r\n");
  if (line == std::string::npos) return false;
  if (answer[0] != '$') return true;
  int64_t size = 0;
  if (!absl::SimpleAtoi(answer.substr(1, line - 1), &size)) return true;
  return size < 0 || answer.size() >= line + 2 + static_cast<size_t>(size) + 2;
}

std::string TextOf(const std::string& answer) {
  size_t line = answer.find("\r\n");
  if (line == std::string::npos) return answer;
  if (answer[0] == '$') return answer.substr(line + 2, answer.size() - line - 4);
  if (answer[0] == '+' || answer[0] == ':') return answer.substr(1, line - 1);
  return answer[0] == '-' ? answer.substr(0, line) : answer;
}

// Empty when the server cannot be reached or hangs up.
std::string Exchange(int port, const std::string& bytes, int answers) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval patience{.tv_sec = 10};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_in address = Loopback(port);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())) {
    char buffer[4096];
    ssize_t count = 0;
    while (answers > 0 && (count = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
      answer.append(buffer, count);
      // Before the last answer there is only AUTH's, a line.
      while (answers > 0 && Complete(answer)) {
        if (--answers > 0) answer.erase(0, answer.find("\r\n") + 2);
      }
    }
  }
  close(fd);
  return answers > 0 ? "" : answer;
}

}  // namespace

RedisServer::RedisServer(Options options) : options_(std::move(options)) {
  std::filesystem::path parent = std::filesystem::temp_directory_path();
  // A sentinel that waits 2 s for a slow disk believes that its clock is wrong, and does nothing for 30 s.
  if (!options_.sentinel.empty() && std::filesystem::exists("/dev/shm")) parent = "/dev/shm";
  std::string pattern = (parent / "prismatic-redis-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) Die("cannot make a temporary folder");
  folder_ = pattern;
  for (int i = 0; i < kLaunchesMax; ++i) {
    std::tie(port_, bus_port_) = FreePorts();
    if (!options_.sentinel.empty()) WriteSentinelFile();
    if (Launch()) {
      AwaitServing();
      return;
    }
  }
  Die(absl::StrCat("redis-server does not start; see ", folder_, "/redis.log"));
}

RedisServer::~RedisServer() {
  Stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

RedisServer& RedisServer::Shared() {
  static std::unique_ptr<RedisServer> shared = std::make_unique<RedisServer>();
  return *shared;
}

std::string RedisServer::url() const {
  std::string credentials = options_.password.empty() ? "" : absl::StrCat(":", options_.password, "@");
  return absl::StrCat("redis://", credentials, "127.0.0.1:", port_);
}

std::string RedisServer::unix_url() const { return absl::StrCat("unix://", folder_, "/redis.sock"); }

void RedisServer::Flush() {
  Ask({"FLUSHALL"});
  Ask({"FUNCTION", "FLUSH"});
}

void RedisServer::Stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void RedisServer::Start() {
  if (pid_ > 0) return;
  for (int i = 0; i < kLaunchesMax; ++i) {
    if (Launch()) return AwaitServing();
  }
  Die(absl::StrCat("redis-server does not start again on port ", port_));
}

void RedisServer::Pause() { kill(pid_, SIGSTOP); }

void RedisServer::Resume() { kill(pid_, SIGCONT); }

std::string RedisServer::Ask(const std::vector<std::string>& words) const {
  std::string bytes;
  if (!options_.password.empty()) bytes = Format({"AUTH", options_.password});
  return TextOf(Exchange(port_, bytes + Format(words), options_.password.empty() ? 1 : 2));
}

std::vector<std::string> RedisServer::Arguments() const {
  if (!options_.sentinel.empty()) return {"redis-server", folder_ + "/sentinel.conf", "--sentinel"};
  std::vector<std::string> arguments = {"redis-server",
                                        "--port",
                                        absl::StrCat(port_),
                                        "--bind",
                                        "127.0.0.1",
                                        "--dir",
                                        folder_,
                                        "--daemonize",
                                        "no",
                                        "--logfile",
                                        folder_ + "/redis.log",
                                        "--unixsocket",
                                        folder_ + "/redis.sock",
                                        "--save",
                                        "",
                                        "--appendonly",
                                        options_.append_only ? "yes" : "no",
                                        "--appendfsync",
                                        "always"};
  auto add = [&](std::vector<std::string> more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  };
  if (options_.cluster) {
    add({"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port",
         absl::StrCat(bus_port_)});
  }
  if (!options_.password.empty()) {
    add({"--requirepass", options_.password, "--masterauth", options_.password});
  }
  if (options_.replica_of > 0) add({"--replicaof", absl::StrCat("127.0.0.1 ", options_.replica_of)});
  // A replica of a test is not to wait for others before it gets its data.
  add({"--repl-diskless-sync-delay", "0"});
  for (const auto& [name, value] : TlsSettings()) add({"--" + name, value});
  add(options_.arguments);
  return arguments;
}

std::vector<std::pair<std::string, std::string>> RedisServer::TlsSettings() const {
  if (options_.certificates == nullptr) return {};
  return {{"tls-port", absl::StrCat(bus_port_)},
          {"tls-ca-cert-file", options_.certificates->ca_file()},
          {"tls-cert-file", options_.certificates->cert_file()},
          {"tls-key-file", options_.certificates->key_file()},
          {"tls-auth-clients", options_.client_certificates ? "yes" : "no"}};
}

// Sentinels write what they learn into their file: it is made once.
void RedisServer::WriteSentinelFile() const {
  std::ofstream file(folder_ + "/sentinel.conf");
  file << "port " << port_ << "\nbind 127.0.0.1\ndir " << folder_ << "\nlogfile " << folder_
       << "/redis.log\n";
  for (const auto& [name, value] : TlsSettings()) file << name << " " << value << "\n";
  file << options_.sentinel;
}

// Starts the process and waits until it answers; false when it ended instead.
bool RedisServer::Launch() {
  std::vector<std::string> arguments = Arguments();
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) Die("fork failed");
  if (pid_ == 0) {
    // Only what is safe between fork and exec.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  // Not only an answer: somebody else's server may have been faster on this port.
  std::string ours = absl::StrCat("process_id:", pid_, "\r");
  bool answered = WaitUntil([&] {
    return Exited() || (absl::StrContains(Ask({"INFO", "server"}), ours) && Ask({"PING"}) == "PONG");
  });
  if (!answered) Die(absl::StrCat("redis-server does not answer; see ", folder_, "/redis.log"));
  return pid_ > 0;
}

bool RedisServer::Exited() {
  int status = 0;
  if (pid_ > 0 && waitpid(pid_, &status, WNOHANG) != pid_) return false;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) Die("there is no redis-server on the PATH");
  pid_ = -1;
  return true;
}

void RedisServer::AwaitServing() {
  if (!options_.cluster) return;
  // After a restart the node has its slots already.
  if (absl::StrContains(Ask({"CLUSTER", "INFO"}), "cluster_slots_assigned:0\r")) {
    std::string added = Ask({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
    if (added != "OK") Die(absl::StrCat("CLUSTER ADDSLOTSRANGE: ", added));
  }
  bool serving = WaitUntil([this] {
    return absl::StrContains(Ask({"CLUSTER", "INFO"}), "cluster_state:ok");
  });
  if (!serving) Die("the cluster does not become ok");
}

}  // namespace prismatic::testing
