// `generate` against a public edge of one answer, over a real socket.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/cli/cli.h"
#include "services/cli/errors.h"

namespace prismatic::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Accepts one connection, reads one request with a Content-Length, answers, closes.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneAnswer() {
    Join();
    close(listener_);
  }
  std::string base_url() const { return absl::StrCat("http://127.0.0.1:", port_, "/v1"); }
  // What arrived.
  const std::string& request() {
    Join();
    return request_;
  }

 private:
  void Serve() {
    int connection = accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    char buffer[4096];
    while (!Complete()) {
      ssize_t count = read(connection, buffer, sizeof(buffer));
      if (count <= 0) break;
      request_.append(buffer, static_cast<size_t>(count));
    }
    for (size_t sent = 0; sent < answer_.size();) {
      ssize_t count = send(connection, answer_.data() + sent, answer_.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += static_cast<size_t>(count);
    }
    close(connection);
  }
  bool Complete() const {
    size_t head_end = request_.find("\r\n\r\n");
    size_t length_at = request_.find("Content-Length: ");
    if (head_end == std::string::npos || length_at == std::string::npos) return false;
    return request_.size() >= head_end + 4 + static_cast<size_t>(std::stoul(request_.substr(length_at + 16)));
  }
  void Join() {
    if (!thread_.joinable()) return;
    // A client that never came must not hang the test.
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
  }

  std::string answer_;
  int listener_ = -1;
  int port_ = 0;
  std::string request_;
  std::thread thread_;
};

std::string Http(const std::string& status, const std::string& headers, const std::string& body) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Type: application/json\r\nConnection: close\r\n",
                      headers, "Content-Length: ", body.size(), "\r\n\r\n", body);
}

const std::string kPng("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x05\x40\0\0\x03\0", 24);

std::string ImagesAnswer(int count) {
  std::string data;
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&data, i == 0 ? "" : ",", "{\"b64_json\":\"", absl::Base64Escape(kPng), "\"}");
  }
  return Http("200 OK",
              "x-request-id: req-1\r\nX-Prismatic-Cost-Usd: 0.04\r\n"
              "x-prismatic-ignored-parameters: seed, style\r\n",
              absl::StrCat("{\"created\":1,\"data\":[", data, "]}"));
}

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

class GenerateTest : public ::testing::Test {
 protected:
  GenerateTest() {
    std::string pattern = ::testing::TempDir() + "/cli_generate_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~GenerateTest() override { std::filesystem::remove_all(folder_); }

  Outcome RunCli(const std::string& base_url, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "generate");
    std::ostringstream out, err;
    int code =
        cli::Run(arguments, {"PRISMATIC_BASE_URL=" + base_url, "PRISMATIC_API_KEY=pk_secret"}, out, err);
    return {code, out.str(), err.str()};
  }
  std::string Content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
  }

  std::string folder_;
};

TEST_F(GenerateTest, SendsTheRequestAndSavesThePicture) {
  OneAnswer edge(ImagesAnswer(1));
  std::string file = folder_ + "/out.png";
  Outcome outcome =
      RunCli(edge.base_url(), {"--prompt", "a \"cat\"", "--model", "google/imagen-4", "-o", file, "--size",
                               "auto", "--aspect-ratio", "16:9", "--n", "1", "--seed", "-42", "--image-url",
                               "data:image/png;base64,AA==", "--image-url=https://x/y"});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_THAT(edge.request(),
              AllOf(StartsWith("POST /v1/images/generations HTTP/1.1\r\n"),
                    HasSubstr("\r\nAuthorization: Bearer pk_secret\r\n"),
                    HasSubstr("\r\nContent-Type: application/json\r\n"),
                    HasSubstr(R"({"model":"google/imagen-4","prompt":"a \"cat\"",)"
                              R"("image_url":["data:image/png;base64,AA==","https://x/y"],"size":"auto",)"
                              R"("aspect_ratio":"16:9","n":1,"seed":-42,"response_format":"b64_json"})")));
  EXPECT_EQ(Content(file), kPng);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr(file), HasSubstr("1344x768     24\n"),
                                 HasSubstr("cost USD    0.04\n"), HasSubstr("request ID  req-1\n"),
                                 HasSubstr("seconds     "), HasSubstr("ignored     seed, style\n")));
}

TEST_F(GenerateTest, SeveralPicturesAreNumberedAndJsonNamesThem) {
  OneAnswer edge(ImagesAnswer(2));
  Outcome outcome = RunCli(edge.base_url() + "/", {"--prompt", "p", "--model", "m", "--n", "2", "-o",
                                                   folder_ + "/out.png", "--output", "json"});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_THAT(edge.request(), StartsWith("POST /v1/images/generations HTTP"));
  EXPECT_EQ(Content(folder_ + "/out-1.png"), kPng);
  EXPECT_EQ(Content(folder_ + "/out-2.png"), kPng);
  EXPECT_THAT(outcome.out,
              StartsWith(absl::StrCat("{\"images\":[{\"file\":\"", folder_,
                                      "/out-1.png\",\"url\":null,\"bytes\":24,\"width\":1344,\"height\":768,"
                                      "\"revised_prompt\":null},")));
  EXPECT_THAT(outcome.out,
              HasSubstr(R"("cost_usd":"0.04","cost_nano_usd":40000000,"request_id":"req-1","seconds":)"));
  EXPECT_THAT(outcome.out, HasSubstr(R"("ignored_parameters":["seed","style"],"changed_parameters":[]})"));
}

TEST_F(GenerateTest, APromptThatLooksLikeTheShortFlagIsAPrompt) {
  OneAnswer edge(ImagesAnswer(1));
  Outcome outcome = RunCli(edge.base_url(), {"--prompt", "-o", "--model", "m", "-o", folder_ + "/a.png"});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_THAT(edge.request(), HasSubstr(R"("prompt":"-o")"));
}

TEST_F(GenerateTest, ARefusalOfTheEdgePrintsItsCodeAndTheRequestId) {
  OneAnswer edge(
      Http("429 Too Many Requests", "x-request-id: req-2\r\n",
           R"({"error":{"message":"The wallet is empty.","type":"insufficient_quota","param":null,)"
           R"("code":"credit_balance_exhausted"}})"));
  Outcome outcome = RunCli(edge.base_url(), {"--prompt", "p", "--model", "m", "-o", folder_ + "/a.png"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_EQ(outcome.err, "error: CREDIT_BALANCE_EXHAUSTED: The wallet is empty. (request req-2)\n");
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/a.png"));
}

TEST_F(GenerateTest, AGatewayErrorOfSomethingInBetweenIsUnreachable) {
  OneAnswer edge(Http("502 Bad Gateway", "", "<html>"));
  EXPECT_EQ(RunCli(edge.base_url(), {"--prompt", "p", "--model", "m", "-o", folder_ + "/a"}).code,
            kUnreachable);
  OneAnswer wrong_place(Http("404 Not Found", "", "<html>"));
  Outcome outcome = RunCli(wrong_place.base_url(), {"--prompt", "p", "--model", "m", "-o", folder_ + "/a"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.err, StartsWith("error: HTTP_404: "));
}

TEST_F(GenerateTest, AnAnswerThatBreaksOffIsUnreachableAndWarnsOfTheCharge) {
  OneAnswer edge("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
  Outcome outcome = RunCli(edge.base_url(), {"--prompt", "p", "--model", "m", "-o", folder_ + "/a"});
  EXPECT_EQ(outcome.code, kUnreachable);
  EXPECT_THAT(outcome.err, HasSubstr("may have been made and charged"));
}

TEST_F(GenerateTest, NobodyAtTheAddressIsUnreachable) {
  // Bound and not listening: nobody else can take the port meanwhile.
  int taken = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(taken, reinterpret_cast<sockaddr*>(&address), size), 0);
  getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size);
  std::string base_url = absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port), "/v1");
  Outcome outcome = RunCli(base_url, {"--prompt", "p", "--model", "m", "-o", folder_ + "/a"});
  close(taken);
  EXPECT_EQ(outcome.code, kUnreachable);
  EXPECT_THAT(outcome.err, StartsWith("error: SERVICE_UNREACHABLE: http://127.0.0.1:"));
}

}  // namespace
}  // namespace prismatic::cli
