#ifndef PRISMATIC_TESTS_SUPPORT_REDIS_SERVER_H_
#define PRISMATIC_TESTS_SUPPORT_REDIS_SERVER_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace prismatic::testing {

class Certificates;

// A real redis-server of our own on loopback, on a free port, in its own folder below the system's
// temporary one; both go with this object. The server also dies with the thread that started it: keep
// that thread alive, or use the main one. What goes wrong here ends the test program with a message.
//
// A server in cluster mode needs two seconds until it serves (Redis' own waiting time after a start):
// tests of one program share one (Shared) and call Flush first.
class RedisServer {
 public:
  struct Options {
    // One node with all slots: refuses calls whose keys do not share a slot.
    bool cluster = true;
    // `appendfsync always`; else nothing survives Stop.
    bool append_only = false;
    // Of the default user.
    std::string password;
    // More of redis-server's own: {"--maxclients", "3"}.
    std::vector<std::string> arguments;
    // Serves TLS as well, on tls_port(); not in cluster mode. Outlives the server.
    const Certificates* certificates = nullptr;
    // Lets in over TLS only who shows a certificate of the same authority.
    bool client_certificates = false;
    // The port of its master on loopback; 0: none.
    int replica_of = 0;
    // Lines of a configuration that make it a sentinel: "sentinel monitor ...". What else is said here
    // means nothing to a sentinel, but for the TLS.
    std::string sentinel;
  };
  RedisServer() : RedisServer(Options()) {}
  explicit RedisServer(Options options);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;

  // One for the whole test program, started at the first use: cluster mode, no persistence.
  static RedisServer& Shared();

  // With the password, if there is one.
  std::string url() const;
  // The same server over its Unix socket, without the password.
  std::string unix_url() const;
  int port() const { return port_; }
  int tls_port() const { return bus_port_; }

  // Deletes all keys and functions.
  void Flush();
  // Ends it as SIGKILL does. Start brings it back on the same port and folder, serving.
  void Stop();
  void Start();
  // SIGSTOP: connections stay, nothing is answered. Resume is SIGCONT.
  void Pause();
  void Resume();

  // Sends one command over a connection of its own and returns what came as text: "PONG", "3", an error
  // with its "-". Blocks. For looking at the server, not for nested arrays (raw RESP).
  std::string Ask(const std::vector<std::string>& words) const;

 private:
  bool Launch();
  void AwaitServing();
  bool Exited();
  void WriteSentinelFile() const;
  std::vector<std::pair<std::string, std::string>> TlsSettings() const;
  std::vector<std::string> Arguments() const;

  Options options_;
  std::string folder_;
  int port_ = 0;
  int bus_port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace prismatic::testing

#endif  // PRISMATIC_TESTS_SUPPORT_REDIS_SERVER_H_
