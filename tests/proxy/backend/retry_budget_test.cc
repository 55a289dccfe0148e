#include "proxy/backend/retry_budget.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

int TakeAll(RetryBudget& budget) {
  int taken = 0;
  while (budget.TakeForTimeout()) ++taken;
  return taken;
}

TEST(RetryBudget, AQuietWorkerMayRetryToo) {
  RetryBudget budget(0.1);
  EXPECT_EQ(TakeAll(budget), 10);
}

TEST(RetryBudget, RetriesAreAShareOfQueries) {
  RetryBudget budget(0.125);
  TakeAll(budget);
  for (int i = 0; i < 800; ++i) budget.OnQuery();
  EXPECT_EQ(TakeAll(budget), 100);
}

TEST(RetryBudget, WhatIsSavedUpIsBounded) {
  RetryBudget budget(1);
  for (int i = 0; i < 100000; ++i) budget.OnQuery();
  EXPECT_EQ(TakeAll(budget), 1000);
}

TEST(RetryBudget, AShareOfNothingAllowsNoRetryAfterATimeOut) {
  RetryBudget budget(0);
  for (int i = 0; i < 100; ++i) budget.OnQuery();
  EXPECT_FALSE(budget.TakeForTimeout());
}

TEST(RetryBudget, RefusedPortsAreNotChargedButBoundedInRate) {
  RetryBudget budget(0.1);
  TakeAll(budget);
  const MonoTime now = MonoTime::FromSeconds(5);
  int taken = 0;
  while (taken < 5000 && budget.TakeForRefused(now)) ++taken;
  EXPECT_EQ(taken, 1000);
  EXPECT_TRUE(budget.TakeForRefused(now + MonoTime::FromMs(10)));
}

TEST(RetryBudget, TheDelayFollowsTheLatencyWithinHalfTheTimeOut) {
  EXPECT_EQ(RetryBudget::DelayMs(2000, 0), 100U);
  EXPECT_EQ(RetryBudget::DelayMs(2000, 20'000), 100U);
  EXPECT_EQ(RetryBudget::DelayMs(2000, 50'000), 200U);
  EXPECT_EQ(RetryBudget::DelayMs(2000, 400'000), 1000U);
  EXPECT_EQ(RetryBudget::DelayMs(150, 0), 75U);
}

}  // namespace
}  // namespace breakwater
